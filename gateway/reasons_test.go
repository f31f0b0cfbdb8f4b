package gateway

import (
	"slices"
	"testing"

	"idlegate/gateway/admin/api"
	"idlegate/gateway/internal/session"
)

func TestTheAPIKnowsEveryReason(t *testing.T) {
	for reason := session.Open + 1; reason < session.ReasonCount; reason++ {
		if !slices.Contains(api.CloseReasons(), reason.String()) {
			t.Errorf("the API does not know %s", reason)
		}
	}
}
