// Package demo shows what the gateway does, with nothing installed: an echo backend, a gateway and its clients in one
// process, all on loopback. It tells in words what happens, and afterwards whether every connection did as promised.
//
//	steady ─┐                        ┌─ patient: idle_timeout 3s, message_timeout 2s ─┐
//	slow   ─┤                        │                                                │
//	half   ─┼── messages, bytes ──▶  ├─ hasty:   idle_timeout 1s                      ├──▶ echo backend
//	drip   ─┤                        │                                                │
//	busy   ─┤                        ├─ brief:   deadline 5s                          │
//	pulse  ─┤                        │                                                │
//	alone  ─┘                        └─ watched: heartbeats answered by the gateway   ┘
//
// What is promised is checked three times: by what each client got back and when it was closed, by the gateway's log,
// and by its metrics, read over HTTP as a scraper would.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Config says how the demo is shown.
type Config struct {
	Out         io.Writer
	Pace        Pace
	Version     string // of the gateway
	PrintPolicy bool   // only print the policy file that the gateway would run
	Serve       bool   // go on running until the context ends, with lively clients
}

// Pace is the demo's sense of time. Every duration is in whole milliseconds.
type Pace struct {
	Gap      time.Duration // between two messages of steady and of slow
	Patient  time.Duration // idle_timeout of the patient route, more than Gap
	Hasty    time.Duration // idle_timeout of the hasty route, less than Gap
	Unbroken time.Duration // message_timeout of the patient route, less than Patient
	Trickle  time.Duration // between two bytes of half and of drip, less than Hasty
	Deadline time.Duration // of the brief route
	Breath   time.Duration // between a reply and the next message of busy
	Alone    time.Duration // heartbeat_only_timeout of the watched route
	Grace    time.Duration // how late a close may be on a busy machine; none may be early
}

// RealTime is the pace for people: the show takes some eight seconds.
func RealTime() Pace {
	return Pace{
		Gap: 2 * time.Second, Patient: 3 * time.Second, Hasty: time.Second, Unbroken: 2 * time.Second,
		Trickle: 300 * time.Millisecond, Deadline: 5 * time.Second, Breath: 10 * time.Millisecond, Alone: 3 * time.Second, Grace: time.Second,
	}
}

// Run shows the demo. The error is nil only where all was as promised.
func Run(ctx context.Context, cfg Config) (err error) {
	if cfg.PrintPolicy {
		_, err := fmt.Fprint(cfg.Out, policyText(cfg.Pace, "127.0.0.1:9000"))
		return err
	}
	n := newNarrator(cfg.Out)
	s, err := open(cfg, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.introduce()
	parts := cast(cfg.Pace)
	outcomes := s.play(ctx, parts)
	if ctx.Err() != nil {
		return errors.New("the demo was interrupted")
	}
	figures, err := s.scrape(ctx)
	if err != nil {
		return err
	}
	broken := n.summary(verdicts(parts, outcomes, cfg.Pace), expectations(parts, outcomes, figures))
	if cfg.Serve {
		s.log.silence()
		s.invite()
		s.keepFleet(ctx)
	} else {
		n.line("\n'idlegate demo --serve' keeps all this running, to try it by hand.")
	}
	if broken > 0 {
		return fmt.Errorf("the demo did not go as promised: %d checks failed", broken)
	}
	return nil
}

// play lets all clients act at once and waits until every one has ended, and the gateway's log has said why.
func (s *stage) play(ctx context.Context, parts []part) []outcome {
	ctx, cancel := context.WithTimeout(ctx, showLimit)
	defer cancel()
	s.narrator.start()
	outcomes := make([]outcome, len(parts))
	var all sync.WaitGroup
	for i, p := range parts {
		all.Go(func() {
			outcomes[i] = s.perform(ctx, p)
		})
	}
	all.Wait()
	return outcomes
}

// perform plays one part.
func (s *stage) perform(ctx context.Context, p part) outcome {
	c, err := dial(ctx, s.gateway.Addresses(p.route)[0])
	if err != nil {
		return outcome{failure: err}
	}
	ended := s.log.follow(c.name(), p)
	o := p.act(ctx, c, func(text string) { s.narrator.say(p.name, text) })
	c.leave()
	select {
	case e := <-ended:
		o.reason, o.logged = e.reason, e.messages[0]
	case <-time.After(logPatience):
		o.failure = errors.New("the gateway's log does not mention its end")
	}
	return o
}

const (
	showLimit   = 20 * time.Second // after which a client whose connection was not ended gives up
	logPatience = 5 * time.Second  // how long a line of the log may take to come
)
