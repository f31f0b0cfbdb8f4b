package gateway

import (
	"testing"

	"idlegate/gateway/internal/session"
)

func TestEveryCauseOfARefusalHasACure(t *testing.T) {
	for cause := range session.CauseCount {
		if cureOf(cause) == "" {
			t.Errorf("there is nothing to do about %s", cause)
		}
	}
}
