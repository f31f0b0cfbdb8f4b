package gateway

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"idlegate/gateway/internal/ledger"
	"idlegate/policy"
)

// TestWhatIsWrittenWhileAnEditNamesAnotherFileIsNotInThatOne is about a write that was under way when the edit came.
func TestWhatIsWrittenWhileAnEditNamesAnotherFileIsNotInThatOne(t *testing.T) {
	known := map[string]ledger.Knowledge{"r": {DryRunIdle: 1}}
	k := newKnowledge(policy.File{Path: "first"})
	k.wrote("first", known)
	if !k.isKept(known) {
		t.Error("what was written is not known to be")
	}
	k.follow(policy.File{Path: "second"})
	k.wrote("first", known)
	if k.isKept(known) {
		t.Error("the other file is taken to have what was written to the one before")
	}
}

func TestOfAnAdviceFileThatIsNamedNoMoreNothingIsTold(t *testing.T) {
	log := &strings.Builder{}
	g := &Gateway{knowledge: newKnowledge(policy.File{Path: "first"}), log: &journal{logger: slog.New(slog.NewTextHandler(log, nil))}}
	g.knowledge.follow(policy.File{Path: "second"})
	g.tellKept("first", errors.New("the disk is full"))
	g.tellKept("second", nil)
	if log.Len() > 0 {
		t.Errorf("told: %s", log)
	}
}

// TestAnAdviceFileIsWrittenAfterAFailureThoughNothingIsNew is about an edit that is taken back while the file cannot be written: the file
// has all that is known, and the failure is over only when that was tried.
func TestAnAdviceFileIsWrittenAfterAFailureThoughNothingIsNew(t *testing.T) {
	known := map[string]ledger.Knowledge{"r": {DryRunIdle: 1}}
	g := &Gateway{knowledge: newKnowledge(policy.File{Path: "advice"}), log: &journal{logger: slog.New(slog.DiscardHandler)}}
	g.knowledge.wrote("advice", known)
	g.tellKept("advice", errors.New("the disk is full"))
	if g.knowledge.isKept(known) {
		t.Error("it is not written again, and the alarm stays")
	}
}
