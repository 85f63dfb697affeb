// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	maxAnswer  = 1 << 20
)

var client = &http.Client{Timeout: 30 * time.Second}

// served reads a log over HTTP, as C2SP tlog-tiles lays it out.
type served struct{ url string }

func (s served) get(path string) ([]byte, error) {
	answer, err := client.Get(s.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %d", path, answer.StatusCode)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
}

func (s served) Height() int { return tileHeight }

// ReadTiles is the whole difference between the Go checksum database and C2SP: paths do not repeat the height.
func (s served) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		body, err := s.get("tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight)))
		if err != nil {
			return nil, err
		}
		read = append(read, body)
	}
	return read, nil
}

func (s served) SaveTiles([]tlog.Tile, [][]byte) {}

func (s served) entries(n, width int64) ([][]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: -1, N: n, W: int(width)}
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/data/", tileHeight))
	body, err := s.get("tile/entries/" + path)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for len(body) > 0 {
		if len(body) < 2 || len(body) < 2+int(binary.BigEndian.Uint16(body)) {
			return nil, fmt.Errorf("bundle %d is cut off", n)
		}
		end := 2 + int(binary.BigEndian.Uint16(body))
		found = append(found, body[2:end])
		body = body[end:]
	}
	if int64(len(found)) != width {
		return nil, fmt.Errorf("bundle %d has %d entries, not %d", n, len(found), width)
	}
	return found, nil
}

type walked struct {
	*head
	// Made by tlog from our tiles, so that Sluis's own proofs can be compared with them.
	Inclusion   map[int64][]string `json:"inclusion"`
	Consistency map[int64][]string `json:"consistency"`
}

func walkCommand() (any, error) {
	request, err := read[struct {
		URL  string  `json:"url"`
		Keys keys    `json:"keys"`
		Old  []int64 `json:"old"`
		At   []int64 `json:"at"`
	}]()
	if err != nil {
		return nil, err
	}
	log := served{request.URL}
	message, err := log.get("checkpoint")
	if err != nil {
		return nil, err
	}
	opened, err := openNote(message, request.Keys)
	if err != nil {
		return nil, err
	}
	// Checks every tile it reads against the checkpoint's root.
	reader := tlog.TileHashReader(tlog.Tree{N: opened.Size, Hash: opened.root}, log)
	if err := readAll(log, reader, opened); err != nil {
		return nil, err
	}
	found := walked{opened, map[int64][]string{}, map[int64][]string{}}
	for _, index := range request.At {
		proof, err := tlog.ProveRecord(opened.Size, index, reader)
		if err != nil {
			return nil, err
		}
		found.Inclusion[index] = texts(proof)
	}
	for _, old := range request.Old {
		proof, err := tlog.ProveTree(opened.Size, old, reader)
		if err != nil {
			return nil, err
		}
		found.Consistency[old] = texts(proof)
	}
	return found, nil
}

// readAll compares every entry with the tiles, and rebuilds the root from the entries alone.
func readAll(log served, reader tlog.HashReader, opened *head) error {
	var stored []tlog.Hash
	rebuilt := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for first := int64(0); first < opened.Size; first += tileWidth {
		entries, err := log.entries(first/tileWidth, min(tileWidth, opened.Size-first))
		if err != nil {
			return err
		}
		var indexes []int64
		for i := range entries {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(i)))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != hashes[i] {
				return fmt.Errorf("entry %d is not what the tiles say", first+int64(i))
			}
			more, err := tlog.StoredHashes(first+int64(i), entry, rebuilt)
			if err != nil {
				return err
			}
			stored = append(stored, more...)
		}
	}
	root, err := tlog.TreeHash(opened.Size, rebuilt)
	if err != nil {
		return err
	}
	if root != opened.root {
		return errors.New("the entries do not make the checkpoint's root")
	}
	return nil
}

func proofsCommand() (any, error) {
	request, err := read[struct {
		Size    int64  `json:"size"`
		Root    string `json:"root"`
		Records []struct {
			Index int64    `json:"index"`
			Leaf  []byte   `json:"leaf"`
			Proof []string `json:"proof"`
		} `json:"records"`
		Trees []struct {
			Size  int64    `json:"size"`
			Root  string   `json:"root"`
			Proof []string `json:"proof"`
		} `json:"trees"`
	}]()
	if err != nil {
		return nil, err
	}
	root, err := tlog.ParseHash(request.Root)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Records []bool `json:"records"`
		Trees   []bool `json:"trees"`
	}{[]bool{}, []bool{}}
	for _, one := range request.Records {
		proof, err := hashes(one.Proof)
		if err != nil {
			return nil, err
		}
		err = tlog.CheckRecord(tlog.RecordProof(proof), request.Size, root, one.Index, tlog.RecordHash(one.Leaf))
		answer.Records = append(answer.Records, err == nil)
	}
	for _, one := range request.Trees {
		proof, err := hashes(one.Proof)
		if err != nil {
			return nil, err
		}
		old, err := tlog.ParseHash(one.Root)
		if err != nil {
			return nil, err
		}
		err = tlog.CheckTree(tlog.TreeProof(proof), request.Size, root, one.Size, old)
		answer.Trees = append(answer.Trees, err == nil)
	}
	return answer, nil
}

func hashes(encoded []string) ([]tlog.Hash, error) {
	found := []tlog.Hash{}
	for _, one := range encoded {
		hash, err := tlog.ParseHash(one)
		if err != nil {
			return nil, err
		}
		found = append(found, hash)
	}
	return found, nil
}

func texts(found []tlog.Hash) []string {
	encoded := []string{}
	for _, hash := range found {
		encoded = append(encoded, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return encoded
}
