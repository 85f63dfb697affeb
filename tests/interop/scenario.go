// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A log of eight entries, kept by tlog and signed by note: nothing of it comes from Sluis.
type smallLog struct {
	signer note.Signer
	stored []tlog.Hash
	prefix string
}

func newSmallLog(signer note.Signer, prefix string) (*smallLog, error) {
	log := &smallLog{signer: signer, prefix: prefix}
	for i := int64(0); i < 8; i++ {
		more, err := tlog.StoredHashes(i, fmt.Appendf(nil, "%s%d", prefix, i), log)
		if err != nil {
			return nil, err
		}
		log.stored = append(log.stored, more...)
	}
	return log, nil
}

func (log *smallLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, log.stored[index])
	}
	return found, nil
}

func (log *smallLog) note(size int64) ([]byte, error) {
	root, err := tlog.TreeHash(size, log)
	if err != nil {
		return nil, err
	}
	tree := torchwood.Checkpoint{Origin: log.signer.Name(), Tree: tlog.Tree{N: size, Hash: root}}
	return note.Sign(&note.Note{Text: tree.String()}, log.signer)
}

func (log *smallLog) request(old, size int64, message []byte) ([]byte, error) {
	body := fmt.Appendf(nil, "old %d\n", old)
	if old > 0 && old < size {
		proof, err := tlog.ProveTree(size, old, log)
		if err != nil {
			return nil, err
		}
		for _, line := range texts(proof) {
			body = fmt.Appendf(body, "%s\n", line)
		}
	}
	return append(append(body, '\n'), message...), nil
}

type step struct {
	What   string `json:"what"`
	Status int    `json:"status"`
	Type   string `json:"type"`
	Body   string `json:"body"`
}

// scenarioCommand asks a witness, in order, what every C2SP witness has an answer to. The caller compares the answers.
func scenarioCommand() (any, error) {
	request, err := read[struct {
		URL        string `json:"url"`
		LogKey     string `json:"logSigner"`
		WitnessKey string `json:"witnessKey"`
	}]()
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(request.LogKey)
	if err != nil {
		return nil, err
	}
	witness, err := torchwood.NewCosignatureVerifier(request.WitnessKey)
	if err != nil {
		return nil, err
	}
	ours, err := newSmallLog(signer, "entry ")
	if err != nil {
		return nil, err
	}
	forked, err := newSmallLog(signer, "other entry ")
	if err != nil {
		return nil, err
	}
	stranger, err := otherSigner("elsewhere.example/log")
	if err != nil {
		return nil, err
	}
	elsewhere, err := newSmallLog(stranger, "entry ")
	if err != nil {
		return nil, err
	}
	impostor, err := otherSigner(signer.Name())
	if err != nil {
		return nil, err
	}
	forged, err := newSmallLog(impostor, "entry ")
	if err != nil {
		return nil, err
	}
	asks := []struct {
		what      string
		by        *smallLog
		old, size int64
		proofOf   *smallLog
	}{
		{"0->2", ours, 0, 2, ours},
		{"1->2", ours, 1, 2, ours},
		{"2->4", ours, 2, 4, ours},
		{"4->4", ours, 4, 4, ours},
		{"4->5", ours, 4, 5, ours},
		{"5->8 with another log's proof", ours, 5, 8, forked},
		{"5->8 of a fork", forked, 5, 8, forked},
		{"5->5 of a fork", forked, 5, 5, forked},
		{"8->5", ours, 8, 5, ours},
		{"unknown origin", elsewhere, 0, 2, elsewhere},
		{"another key", forged, 5, 8, forged},
		{"5->8", ours, 5, 8, ours},
	}
	steps := []step{}
	for _, ask := range asks {
		message, err := ask.by.note(ask.size)
		if err != nil {
			return nil, err
		}
		body, err := ask.proofOf.request(ask.old, ask.size, message)
		if err != nil {
			return nil, err
		}
		done, err := post(request.URL, ask.what, body)
		if err != nil {
			return nil, err
		}
		if done.Status == http.StatusOK {
			cosigned := append(bytes.Clone(message), done.Body...)
			opened, err := note.Open(cosigned, note.VerifierList(witness))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", ask.what, err)
			}
			if len(opened.Sigs) != 1 {
				return nil, fmt.Errorf("%s: the witness did not cosign", ask.what)
			}
			done.Body = ""
		}
		steps = append(steps, *done)
	}
	return steps, nil
}

func post(url, what string, body []byte) (*step, error) {
	answer, err := client.Post(url+"/add-checkpoint", "text/plain", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";")
	return &step{what, answer.StatusCode, kind, string(said)}, nil
}

func otherSigner(name string) (note.Signer, error) {
	secret, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, err
	}
	return note.NewSigner(secret)
}

// agentCommand serves one key as an ssh-agent until its standard input is closed: litewitness keeps its key in one.
func agentCommand() (any, error) {
	request, err := read[struct {
		Socket string `json:"socket"`
		Seed   []byte `json:"seed"`
		Name   string `json:"name"`
	}]()
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(request.Seed)
	public, err := ssh.NewPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	witness, err := torchwood.NewCosignatureSigner(request.Name, private)
	if err != nil {
		return nil, err
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", request.Socket)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, connection)
		}
	}()
	fmt.Printf("%s %s\n", ssh.FingerprintSHA256(public), witness.Verifier().String())
	_, err = io.Copy(io.Discard, os.Stdin)
	return map[string]string{}, err
}
