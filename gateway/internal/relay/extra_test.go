package relay

import (
	"testing"

	"idlegate/gateway/internal/protocol"
)

// TestAnExtraIsThereOnlyWhileItIsUsed lets several users of one come and go.
func TestAnExtraIsThereOnlyWhileItIsUsed(t *testing.T) {
	var supply extras
	var c, other conn
	x := supply.need(&c)
	for from := range protocol.Directions {
		supply.need(&c).kept(from).buf = []byte("ping")
	}
	x.keptFromClient = kept{}
	if supply.release(&c); c.extra != x {
		t.Fatal("it is gone while what is kept from the upstream is in it")
	}
	x.keptFromUpstream = kept{}
	if supply.release(&c); c.extra != nil {
		t.Fatal("it is still there though nobody uses it")
	}
	if supply.need(&other) != x {
		t.Error("another is made though one is not in use")
	}
	x.keptFromClient.buf = []byte("ping")
	if supply.drop(&other); other.extra != nil || !supply.need(&c).isUnused() {
		t.Error("what a connection leaves behind comes to the next")
	}
}
