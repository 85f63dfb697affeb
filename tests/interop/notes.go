// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// keys say whose signatures make a checkpoint count.
type keys struct {
	LogKey      string   `json:"logKey"`
	WitnessKeys []string `json:"witnessKeys"`
	Quorum      int      `json:"quorum"`
}

// head is a checkpoint that the log signed and a quorum of witnesses cosigned.
type head struct {
	Size      int64    `json:"size"`
	Root      string   `json:"root"`
	Cosigners []string `json:"cosigners"`
	root      tlog.Hash
}

func openCommand() (any, error) {
	request, err := read[struct {
		Note string `json:"note"`
		Keys keys   `json:"keys"`
	}]()
	if err != nil {
		return nil, err
	}
	return openNote([]byte(request.Note), request.Keys)
}

func openNote(message []byte, wanted keys) (*head, error) {
	log, err := note.NewVerifier(wanted.LogKey)
	if err != nil {
		return nil, err
	}
	verifiers := []note.Verifier{log}
	for _, key := range wanted.WitnessKeys {
		witness, err := torchwood.NewCosignatureVerifier(key)
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, witness)
	}
	opened, err := note.Open(message, note.VerifierList(verifiers...))
	if err != nil {
		return nil, err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		return nil, err
	}
	if checkpoint.Origin != log.Name() {
		return nil, errors.New("a checkpoint of another log")
	}
	found := &head{Size: checkpoint.N, Root: checkpoint.Hash.String(), Cosigners: []string{}, root: checkpoint.Hash}
	signed := false
	for _, signature := range opened.Sigs {
		if signature.Name == log.Name() && signature.Hash == log.KeyHash() {
			signed = true
			continue
		}
		if _, err := torchwood.CosignatureTimestamp(signature); err != nil {
			return nil, err
		}
		found.Cosigners = append(found.Cosigners, signature.Name)
	}
	if !signed {
		return nil, errors.New("the log did not sign the checkpoint")
	}
	if len(found.Cosigners) < wanted.Quorum {
		return nil, fmt.Errorf("%d of %d witnesses cosigned", len(found.Cosigners), wanted.Quorum)
	}
	return found, nil
}
