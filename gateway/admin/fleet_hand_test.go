package admin

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"idlegate/gateway/admin/api"
)

// byHand is what has been set by hand. The caller holds mu.
func (f *fleet) byHand() (all []api.HandSetting) {
	since := f.now().Add(-90 * time.Second)
	if f.level != "" {
		all = append(all, api.HandSetting{What: "log.level is " + strings.ToUpper(f.level), Since: since, Undo: "idlegate log file", Call: "DELETE /log"})
	}
	for _, r := range f.routes {
		if deed := f.stopped[r.name]; deed != "" {
			all = append(all, api.HandSetting{
				What:  "route " + r.name + map[string]string{"stop": " takes no clients", "drain": " drains"}[deed],
				Since: since, Undo: "idlegate route start " + r.name, Call: "DELETE /routes/" + r.name + "/" + deed,
			})
		}
	}
	for _, r := range f.firstOf() {
		for _, at := range r.endpoints {
			hand, name := f.hands[at], fmt.Sprintf("endpoint %s of %s", at, r.upstream)
			path := fmt.Sprintf("POST /upstreams/%s/endpoint?endpoint=%s", r.upstream, url.QueryEscape(at))
			if hand.State != "" && hand.State != api.ByHandAuto {
				all = append(all, api.HandSetting{What: name + " is " + hand.State, Since: since, Undo: "idlegate endpoint set … --state auto", Call: path + "&state=auto"})
			}
			if hand.Weight != nil {
				all = append(all, api.HandSetting{What: fmt.Sprintf("%s has weight %d", name, *hand.Weight), Since: since, Undo: "idlegate endpoint set … --weight file", Call: path + "&weight=file"})
			}
		}
	}
	return all
}

func (f *fleet) SetEndpoint(upstream, endpoint string, set api.Setting) error {
	f.mu.Lock()
	f.set = append(f.set, fmt.Sprintf("%s %s %+v", upstream, endpoint, set))
	hand := f.hands[endpoint]
	if set.State != "" {
		hand.State = set.State
	}
	if set.Weight > 0 {
		hand.Weight = &set.Weight
	}
	if set.FileWeight {
		hand.Weight = nil
	}
	f.hands[endpoint] = hand
	f.mu.Unlock()
	return f.setDrained(upstream, endpoint, hand.State == api.ByHandDrain)
}

func (f *fleet) LogLevel(level string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.level = level
	return f.failure
}

func (f *fleet) CloseID(_ context.Context, id uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.settle()
	m, err := f.member(id)
	if err != nil {
		return err
	}
	f.end(m, "killed", now)
	return nil
}

func (f *fleet) CloseAll(_ context.Context, filter api.Filter) (api.Closed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	chosen, err := f.chosen(filter)
	closed := api.Closed{}
	for _, c := range chosen {
		if m, err := f.member(c.ID); err == nil {
			f.end(m, "killed", f.now())
			closed.Closed, closed.IDs = closed.Closed+1, append(closed.IDs, c.ID)
		}
	}
	return closed, err
}
