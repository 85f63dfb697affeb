// SPDX-License-Identifier: EUPL-1.2
// Says to the page that something changed; what is live asks for itself again (hx-trigger="sluis:changed from:body").
"use strict";
(() => {
  if (!window.EventSource || !document.querySelector("[data-live]")) return;
  const stream = new EventSource("/live");
  let waiting = false;
  stream.addEventListener("changed", () => {
    if (waiting) return;
    waiting = true;
    // Several changes come together; and somebody who is typing keeps what is typed, since only lists are live.
    setTimeout(() => { waiting = false; htmx.trigger(document.body, "sluis:changed"); }, 400);
  });
  window.addEventListener("pagehide", () => stream.close());
})();
