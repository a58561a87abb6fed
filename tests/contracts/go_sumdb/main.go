// Checks, with Go's own packages, a note, an inclusion proof and a consistency proof made by this project.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proofs struct {
	Note, Vkey         string
	Leaf, OldRoot      []byte
	Inclusion, Growth  [][]byte
	Index, OldSize     int64
}

func hash(b []byte) (h tlog.Hash) {
	copy(h[:], b)
	return h
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	must(err)
	var p proofs
	must(json.Unmarshal(data, &p))
	verifier, err := note.NewVerifier(p.Vkey)
	must(err)
	opened, err := note.Open([]byte(p.Note), note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := tlog.ParseHash(lines[2])
	must(err)
	var record tlog.RecordProof
	for _, h := range p.Inclusion {
		record = append(record, hash(h))
	}
	must(tlog.CheckRecord(record, size, root, p.Index, tlog.RecordHash(p.Leaf)))
	var tree tlog.TreeProof
	for _, h := range p.Growth {
		tree = append(tree, hash(h))
	}
	must(tlog.CheckTree(tree, size, root, p.OldSize, hash(p.OldRoot)))
}
