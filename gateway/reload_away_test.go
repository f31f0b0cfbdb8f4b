package gateway_test

import (
	"os"
	"testing"

	"idlegate/gateway"
)

func TestAFileThatWasAwayForAMomentIsReadAgain(t *testing.T) {
	at := backend(t, echoes)
	ways := manyWays(at)
	r, write := startFile(t, ways[0])
	write(ways[1])
	if done, err := r.g.ReloadFor(t.Context(), gateway.TriggerFile); err != nil || !done.OK {
		t.Fatalf("%v, %+v", err, done)
	}
	file := r.g.Effective().File
	if err := os.Rename(file, file+"~"); err != nil {
		t.Fatal(err)
	}
	if done, err := r.g.ReloadFor(t.Context(), gateway.TriggerFile); err != nil || done.OK {
		t.Fatalf("a file that is not there: %v, %+v", err, done)
	}
	if err := os.Rename(file+"~", file); err != nil {
		t.Fatal(err)
	}
	if done, err := r.g.ReloadFor(t.Context(), gateway.TriggerFile); err != nil || !done.OK {
		t.Errorf("the file is back as it was, but: %v, %+v", err, done)
	}
	if !r.snapshot().Config.LastReloadSuccessful {
		t.Error("the last reload is still said to have failed")
	}
}
