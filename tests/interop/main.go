// SPDX-License-Identifier: EUPL-1.2

// Command interop checks Sluis's log with programs that its makers did not write: golang.org/x/mod/sumdb/note and tlog
// open notes, walk tiles and check proofs, and filippo.io/torchwood verifies cosignatures.
//
// It reads one JSON document from standard input and writes one to standard output. Exit status 1, with a reason on
// standard error, when something does not hold. Not here: any code of Sluis.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

var commands = map[string]func() (any, error){
	"open":     openCommand,
	"walk":     walkCommand,
	"proofs":   proofsCommand,
	"scenario": scenarioCommand,
	"agent":    agentCommand,
}

func main() {
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: interop open|walk|proofs|scenario|agent <request.json")
		os.Exit(2)
	}
	answer, err := commands[os.Args[1]]()
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(answer)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read[T any]() (T, error) {
	var request T
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&request)
	return request, err
}
