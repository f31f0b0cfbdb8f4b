package advicefile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/ledger"
	"idlegate/metrics"
)

// MaxBytes is the size of the largest file that is written. A route takes 2 to 10 KB.
const MaxBytes = 4 << 20

const (
	magic   = "idlegate advice "
	version = "1"
)

// Errors of Decode. ErrForeign is that of a file which is not to be written over.
var (
	ErrForeign = errors.New("it is no file of advice, and is left as it is")
	ErrVersion = errors.New("it is of another version of idlegate")
	ErrDamaged = errors.New("it is damaged")
)

// written is a route as the file has it.
type written struct {
	Counted    int64              `json:"counted_ns"`
	DryRun     int64              `json:"dry_run_ns"`
	DryRunIdle uint64             `json:"dry_run_idle"`
	Timers     map[string][]int64 `json:"timers"` // by key
	Gaps       []uint64           `json:"gaps"`
}

type content struct {
	Routes map[string]json.RawMessage `json:"routes"`
}

// Encode returns the file in which the routes are, by name.
func Encode(routes map[string]ledger.Knowledge) []byte {
	const frame = 256 // what is around the routes
	all, size := content{Routes: map[string]json.RawMessage{}}, frame
	for _, name := range byConnections(routes) {
		known := routes[name]
		text := encodeRoute(&known)
		if size += len(text) + len(name) + len(`"":,`); size > MaxBytes {
			break
		}
		all.Routes[name] = text
	}
	body := append(encode(all), '\n')
	sum := sha256.Sum256(body)
	return append([]byte(magic+version+" "+hex.EncodeToString(sum[:])+"\n"), body...)
}

// byConnections are the names, those first of which most is known.
func byConnections(routes map[string]ledger.Knowledge) []string {
	return slices.SortedFunc(maps.Keys(routes), func(a, b string) int {
		one, other := routes[a], routes[b]
		return cmp.Or(-cmp.Compare(one.Advice[advice.IdleTimeout].Connections(), other.Advice[advice.IdleTimeout].Connections()), cmp.Compare(a, b))
	})
}

func encodeRoute(k *ledger.Knowledge) json.RawMessage {
	w := written{Counted: int64(k.Counted), DryRun: int64(k.DryRun), DryRunIdle: k.DryRunIdle, Timers: map[string][]int64{}, Gaps: k.Gap.Numbers()}
	for t := range advice.Timers {
		w.Timers[t.String()] = k.Advice[t].Numbers()
	}
	return encode(w)
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("advicefile: " + err.Error()) // it has numbers and names only
	}
	return text
}

// Decode reads a file. One that is empty has no routes. The error is ErrForeign, ErrVersion or ErrDamaged.
func Decode(file []byte) (map[string]ledger.Knowledge, error) {
	if len(file) == 0 {
		return nil, nil
	}
	rest, ours := bytes.CutPrefix(file, []byte(magic))
	if !ours {
		return nil, ErrForeign
	}
	head, body, _ := bytes.Cut(rest, []byte("\n"))
	number, sum, _ := bytes.Cut(head, []byte(" "))
	if string(number) != version {
		return nil, fmt.Errorf("%w: %.20q, not %s", ErrVersion, number, version)
	}
	if is := sha256.Sum256(body); hex.EncodeToString(is[:]) != string(sum) {
		return nil, ErrDamaged
	}
	var all content
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	routes := make(map[string]ledger.Knowledge, len(all.Routes))
	for name, text := range all.Routes {
		known, ok := decodeRoute(text)
		if !ok {
			return nil, fmt.Errorf("%w: route %.80q", ErrDamaged, name)
		}
		routes[name] = known
	}
	return routes, nil
}

func decodeRoute(text json.RawMessage) (k ledger.Knowledge, ok bool) {
	var w written
	if json.Unmarshal(text, &w) != nil || w.Counted < 0 || w.DryRun < 0 {
		return k, false
	}
	k = ledger.Knowledge{Counted: time.Duration(w.Counted), DryRun: time.Duration(w.DryRun), DryRunIdle: w.DryRunIdle}
	if k.Gap, ok = metrics.HistogramOf(w.Gaps); !ok {
		return k, false
	}
	for t := range advice.Timers {
		if k.Advice[t], ok = advice.TallyOf(w.Timers[t.String()]); !ok {
			return k, false
		}
	}
	return k, true
}
