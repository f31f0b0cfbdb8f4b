package advicefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"idlegate/gateway/internal/advice"
	"idlegate/gateway/internal/ledger"
)

// known is what may be known of a route with a number of connections.
func known(n int) ledger.Knowledge {
	k := ledger.Knowledge{Counted: time.Duration(n) * time.Hour, DryRun: 30 * time.Second, DryRunIdle: uint64(n)}
	for i := range n {
		d := time.Duration(i) * 777 * time.Millisecond
		for t := range advice.Timers {
			k.Advice.Ended(t, d, d*3, i%5 == 0)
		}
		k.Advice[advice.IdleTimeout].Spoke(d)
		k.Gap.Observe(d)
	}
	k.Advice.Ended(advice.MaxLifetime, 0, 200*365*24*time.Hour, false) // a sum beyond 63 bits
	return k
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	routes := map[string]ledger.Knowledge{"devices": known(400), "new": {}, "a-1.b_c": known(3)}
	file := Encode(routes)
	got, err := Decode(file)
	if err != nil || !maps.Equal(got, routes) {
		t.Errorf("%v, and it is the same: %t", err, maps.Equal(got, routes))
	}
	if len(file) > 3*10<<10 {
		t.Errorf("3 routes take %d bytes", len(file))
	}
	if !bytes.Equal(file, Encode(routes)) {
		t.Error("the same is written in another way")
	}
}

func TestOfTooManyRoutesThoseStayOfWhichMostIsKnown(t *testing.T) {
	routes := map[string]ledger.Knowledge{}
	for i := range 4000 {
		routes[fmt.Sprintf("route-%d", i)] = known(i % 3)
	}
	routes["busy"] = known(50)
	file := Encode(routes)
	got, err := Decode(file)
	if err != nil || len(file) > MaxBytes || len(file) < MaxBytes*9/10 || len(got) >= len(routes) {
		t.Fatalf("%d bytes of %d routes: %v", len(file), len(got), err)
	}
	if got["busy"] != routes["busy"] {
		t.Error("the route of which most is known is left out")
	}
}

func signed(body string) []byte {
	sum := sha256.Sum256([]byte(body))
	return []byte("idlegate advice 1 " + hex.EncodeToString(sum[:]) + "\n" + body)
}

func TestWhatIsNoSoundFileIsRefused(t *testing.T) {
	whole := Encode(map[string]ledger.Knowledge{"devices": known(40)})
	flipped := slices.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct {
		file []byte
		err  error
	}{
		"empty":                       {nil, nil},
		"cut":                         {whole[:len(whole)-10], ErrDamaged},
		"cut in its head":             {whole[:20], ErrDamaged},
		"a bit has changed":           {flipped, ErrDamaged},
		"another version":             {bytes.Replace(whole, []byte("advice 1"), []byte("advice 2"), 1), ErrVersion},
		"a policy file":               {[]byte("routes: []\n"), ErrForeign},
		"binary":                      {[]byte{0, 1, 2}, ErrForeign},
		"no JSON":                     {signed("x"), ErrDamaged},
		"a route without figures":     {signed(`{"routes": {"r": {}}}`), ErrDamaged},
		"a route that is no route":    {signed(`{"routes": {"r": 1}}`), ErrDamaged},
		"figures that nothing led to": {signed(`{"routes": {"r": {"timers": {"idle_timeout": [1]}, "gaps": []}}}`), ErrDamaged},
		"no routes":                   {signed(`{}`), nil},
	} {
		if got, err := Decode(test.file); !errors.Is(err, test.err) || len(got) > 0 {
			t.Errorf("%s: %v with %d routes, want %v", name, err, len(got), test.err)
		}
	}
}

// FuzzDecode holds that nothing that can stand in a file makes advice fail.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"routes": {}}`))
	whole := Encode(map[string]ledger.Knowledge{"r": known(9)})
	f.Add(whole[bytes.IndexByte(whole, '\n')+1:])
	f.Fuzz(func(t *testing.T, body []byte) {
		routes, err := Decode(signed(string(body)))
		if err != nil {
			return
		}
		for name, k := range routes {
			for timer := range advice.Timers {
				advice.For(advice.Input{Route: name, Timer: timer, Ended: k.Advice[timer], Counted: k.Counted})
			}
		}
	})
}

func TestAFileIsPutIntoItsPlaceWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advice")
	for _, text := range []string{"first", "second"} {
		if err := os.WriteFile(Beside(path), []byte("left by one that was killed"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
		if _, err := os.Stat(Beside(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("beside it stays something: %v", err)
		}
	}
}

func TestWhereNothingCanBeWrittenTheFileBeforeStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "advice")
	if err := Write(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(Beside(path), "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("second")); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
	if err := Write(filepath.Join(path, "below a file"), nil); err == nil {
		t.Error("below a file: no error")
	}
}
