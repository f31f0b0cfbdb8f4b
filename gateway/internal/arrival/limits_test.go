package arrival

import (
	"net/netip"
	"testing"
)

func TestSourcesAreCountedOneByOne(t *testing.T) {
	s := &Sources{}
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 2 {
		if !s.Enter(a, 2) {
			t.Fatal("there is room")
		}
	}
	if s.Enter(a, 2) || !s.Enter(b, 2) {
		t.Fatal("each source has two")
	}
	if source, open := s.Fullest(); source != a || open != 2 {
		t.Errorf("%v has %d", source, open)
	}
	s.Leave(a)
	if !s.Enter(a, 2) {
		t.Error("one has left")
	}
	for _, source := range []netip.Addr{a, a, b} {
		s.Leave(source)
	}
	if s.open != nil {
		t.Errorf("%v is kept", s.open)
	}
}

func TestAnIPv6SourceIsItsSubnet(t *testing.T) {
	for one, other := range map[string]string{
		"2001:db8::1":       "2001:db8::ffff:ffff:ffff:ffff",
		"::ffff:192.0.2.1":  "192.0.2.1",
		"2001:db8:0:1::1":   "2001:db8:0:1:1::",
		"fe80::1%interface": "fe80::2",
	} {
		if SourceOf(netip.MustParseAddr(one)) != SourceOf(netip.MustParseAddr(other)) {
			t.Errorf("%s and %s are two sources", one, other)
		}
	}
	if SourceOf(netip.MustParseAddr("2001:db8:0:1::1")) == SourceOf(netip.MustParseAddr("2001:db8::1")) {
		t.Error("two subnets are one source")
	}
}

func TestARateIsKept(t *testing.T) {
	const start = 1000 * second
	for _, rate := range []Rate{1, 3, 7, 100, 1 << 20} {
		var b Bucket
		let := int64(0)
		for now := start; now <= start+10*second; now += second / 1000 {
			for n := 0; n < 3000 && b.Try(rate, now); n++ {
				let++
			}
		}
		most := int64(rate) * 11 // ten seconds, and what may come at once at first
		if least := min(most, 3000*10001) * 98 / 100; let > most || let < least {
			t.Errorf("%d a second: %d in ten seconds, which is not from %d to %d", rate, let, least, most)
		}
	}
}

func TestWhatIsOverTheRateIsWaitedFor(t *testing.T) {
	const now = 1000 * second
	var b Bucket
	if wait := b.Take(1000, 1000, now); wait != 0 {
		t.Errorf("a second's worth has to wait %d ns", wait)
	}
	if wait := b.Take(1000, 500, now); wait != second/2 {
		t.Errorf("half a second's worth more has to wait %d ns", wait)
	}
	if wait := b.Wait(1000, now+second/2); wait != 0 {
		t.Errorf("half a second later it has to wait %d ns", wait)
	}
	if wait := b.Take(0, 1<<40, now); wait != 0 {
		t.Errorf("without a rate it has to wait %d ns", wait)
	}
}
