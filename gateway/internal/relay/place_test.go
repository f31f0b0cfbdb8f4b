package relay

import "testing"

// crew are two loops, of which the first accepts.
func crew() [2]*Loop {
	g := NewAdmission(1<<20, Wait)
	var loops [2]*Loop
	for i := range loops {
		loops[i] = &Loop{cfg: Config{Admission: g}}
		loops[i].acceptor.loop = loops[i]
	}
	g.Share(loops[:])
	return loops
}

// admitted is the loop to which the one that accepts gives its next client.
func admitted(loops [2]*Loop) *Loop {
	g := loops[0].cfg.Admission
	g.open.Add(1)
	to := loops[0].acceptor.placeOf(g.nextID.Add(1))
	to.sessions.Add(1)
	return to
}

func closed(l *Loop) {
	l.sessions.Add(-1)
	l.cfg.Admission.open.Add(-1)
}

func TestConnectionsThatLastAreSpreadEvenly(t *testing.T) {
	loops := crew()
	for range 3 * placeWindow {
		admitted(loops)
		if difference := loops[0].sessions.Load() - loops[1].sessions.Load(); difference < 0 || difference > 1 {
			t.Fatalf("the loop that accepts has %d more", difference)
		}
	}
}

func TestBriefConnectionsStayWithTheLoopThatAccepts(t *testing.T) {
	loops := crew()
	for range placeWindow + 1 {
		closed(admitted(loops))
	}
	for range tolerance + 1 {
		if admitted(loops) != loops[0] {
			t.Fatal("one was handed over")
		}
	}
	if admitted(loops) != loops[1] {
		t.Error("one was kept beyond the tolerance")
	}
}

func TestConnectionsAreSpreadEvenlyOnceTheyLast(t *testing.T) {
	loops := crew()
	for range placeWindow + 1 {
		closed(admitted(loops))
	}
	for range 3 * placeWindow {
		admitted(loops)
	}
	if difference := loops[0].sessions.Load() - loops[1].sessions.Load(); difference < 0 || difference > 1 {
		t.Errorf("the loop that accepts has %d more", difference)
	}
}
