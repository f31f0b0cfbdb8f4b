// Package session is the state machine of one session: a client's connection and the upstream connection that serves it.
//
// It is told what happened (bytes, a FIN, a peer that takes nothing more, the passing of time) and says what that means:
// how much may be passed on, which timer ends the session when, whether it has ended and for what reason. It owns no
// socket and reads no clock; its owner drives it:
//
//	            Received          Blocked, Progressed
//	client ───────────────► session ───────────────► upstream
//	       ◄───────────────         ◄───────────────
//	            Blocked, Progressed         Received
//
//	Finished(from)   a FIN was read: its direction ends when what is held has been written and FINPassed
//	Next, Due        when to look at the timers, and what they say then
//	ApplyRules            other rules are in force
//
// A Session is plain data, so that it can be copied (by Clone), listed, written down and measured under an edited policy
// while it is open. The first cause names its end.
package session

import (
	"math"
	"time"

	"idlegate/gateway/internal/deadline"
	"idlegate/gateway/internal/protocol"
)

// Rules are what a session follows. They are shared by the sessions of a route and never change.
type Rules struct {
	Protocol protocol.Protocol
	ResetOn  deadline.ResetOn // whose complete messages restart idle_timeout
	Bounded  bool             // the protocol has message boundaries; raw has none that mean anything
	Enforced deadline.Durations
	Observed deadline.Durations // a dry run's: those in force, overlaid with its own
	NotSeen  deadline.Set       // the timers that the dry run does not watch
	DryRun   bool               // there is something to observe
	Least    uint64             // bytes within Enforced of the rate timers, which they are due without
	Jitter   uint16             // the most that jitter takes off max_lifetime, in 1/65536

	Negotiated Negotiated // of idle_timeout, where Enforced or Observed has deadline.Negotiated
	Heartbeats bool       // the protocol tells heartbeats from other messages
	Pairs      bool       // it pairs requests with replies
	OpaqueEnds bool       // a connection whose protocol turns opaque ends
}

// Flow is one direction, named after its sender.
type Flow struct {
	Bytes      uint64 // payload received from the sender
	Messages   uint64 // complete ones
	Heartbeats uint32 // of them; more than can be counted stay at the most
	FIN        bool   // the sender has finished
	Passed     bool   // the other side was told so
}

// Session is the state of one session.
type Session struct {
	Events                   deadline.Events
	Talk                     protocol.Dialogue
	FromClient, FromUpstream Flow

	LastMessage deadline.Instant // of the client; at first the accept

	silence      span // longest between two client messages so far
	maxSilence   span // longest silence as idle_timeout counts it after which a message restarted it
	silenceSoFar span // longest part of the silence under way, which messages to the client have divided

	// Those that an edit of the policy has made overdue fire a while later, so that one edit does not end many connections in one
	// instant. A timer that starts again has no grace any more.
	graced deadline.Set
	until  deadline.Instant // of an open session, when those in graced fire; of one that has ended, when that was

	Reason   Reason // Open until it ends
	firstFIN protocol.Direction
	finished bool // firstFIN is set
	readOwed bool // read_deadline has passed while the client was not read: what it had sent is read first
}

// span is a time in whole milliseconds, rounded down; one of 49 days and more is 49 days.
type span uint32

func spanOf(d time.Duration) span {
	return span(min(max(0, d/time.Millisecond), math.MaxUint32))
}

func (s span) duration() time.Duration { return time.Duration(s) * time.Millisecond }

// Accept starts a session. lifetimeShare is the share of max_lifetime that jitter takes off, in 1/65536.
func Accept(now deadline.Instant, lifetimeShare uint16) Session {
	return Session{Events: deadline.Accept(now, lifetimeShare), LastMessage: now}
}

// Clone returns a copy that shares nothing with s.
func (s *Session) Clone() Session {
	own := *s
	own.Events = s.Events.Clone()
	return own
}

// Flow returns one direction.
func (s *Session) Flow(from protocol.Direction) *Flow {
	if from == protocol.FromClient {
		return &s.FromClient
	}
	return &s.FromUpstream
}

// Dialling notes that an attempt to connect upstream begins.
func (s *Session) Dialling(now deadline.Instant) {
	s.Events.ConnectBegan = now
	s.started(deadline.Connect)
}

// Ended returns when the session ended, 0 while it is open.
func (s *Session) Ended() deadline.Instant {
	if s.Reason == Open {
		return 0
	}
	return s.until
}

// MaxSilence returns the longest silence as idle_timeout counts it after which a message restarted it.
func (s *Session) MaxSilence() time.Duration { return s.maxSilence.duration() }

// Shaking notes that a TLS handshake begins: with the client, or with an upstream while one is dialled.
func (s *Session) Shaking(now deadline.Instant) {
	s.Events.Pause(deadline.PauseHandshake, now)
	s.started(deadline.TLSHandshake)
}

// Shaken notes that it is over, or given up.
func (s *Session) Shaken(now deadline.Instant) { s.Events.Resume(deadline.PauseHandshake, now) }

// Age returns how long the session has been or was open.
func (s *Session) Age(now deadline.Instant) time.Duration {
	if s.Reason != Open {
		now = s.until
	}
	return now.Since(s.Events.Accepted)
}

// LongestSilence returns the longest time without a complete client message, the one up to now included.
func (s *Session) LongestSilence(now deadline.Instant) time.Duration {
	if s.Reason != Open {
		now = s.until
	}
	return max(s.silence.duration(), now.Since(s.LastMessage))
}

// Tail returns how long the silence under way is, or the one in which the session ended, as idle_timeout counts it.
func (s *Session) Tail(now deadline.Instant) time.Duration {
	if s.Reason != Open {
		now = s.until
	}
	return max(s.silenceSoFar.duration(), s.Events.Silence(now))
}

// End ends the session for r, unless it has ended already.
func (s *Session) End(r Reason, now deadline.Instant) {
	if s.Reason == Open {
		s.Reason, s.until = r, now
	}
}

// Reset returns why a session ends whose peer on side has reset its connection: one that had finished before is gone for
// that reason and no other.
func (s *Session) Reset(side Side) Reason {
	if s.Flow(side.Sends()).FIN {
		return s.finReason(side.Sends())
	}
	if side == Client {
		return ClientReset
	}
	return UpstreamReset
}

// Lost returns why a session ends on whose peer at side the kernel gave up.
func (s *Session) Lost(side Side) Reason {
	if side == Client {
		return ClientLost
	}
	return UpstreamLost
}

func (s *Session) finReason(from protocol.Direction) Reason {
	if s.finished {
		from = s.firstFIN
	}
	if from == protocol.FromClient {
		return ClientFIN
	}
	return UpstreamFIN
}

// How a session is half closed. FIN: the side's FIN was read. Passed: the other side was told, having taken all that came before.
// With the sides exchanged the same is true, but for ReadClosed, which is about the client alone.
//
//	client            upstream
//	FIN    Passed     FIN    Passed     half_close_timeout   the session
//	no     no         no     no         waiting              is open
//	yes    no         no     no         running              is half closed; the upstream has not taken all yet
//	yes    yes        no     no         running              is half closed; the upstream may answer
//	yes    either     yes    either     over                 ends when both are passed
//	yes    yes        yes    yes        over                 has ended: client_fin or upstream_fin, after the first FIN
//	no     no         yes    yes        running              ends with upstream_fin if ReadClosed: nothing more is heard
//
// half_close_timeout restarts with bytes of the side that is still open, and with bytes that the other takes.

// Finished notes that a direction has ended with a FIN.
func (s *Session) Finished(from protocol.Direction, now deadline.Instant) {
	f := s.Flow(from)
	if f.FIN {
		return
	}
	f.FIN = true
	if from == protocol.FromClient {
		s.Events.ClientFIN = true
	}
	if s.finished {
		s.Events.HalfClosed = 0
		return
	}
	s.finished, s.firstFIN = true, from
	s.Events.HalfClosed = now
}

// FINPassed notes that the receiver of a direction was told of its FIN, and ends the session when both have been, or
// when nothing more will be heard from the client.
func (s *Session) FINPassed(from protocol.Direction, now deadline.Instant) {
	s.Flow(from).Passed = true
	unheard := s.ReadClosed() && !s.FromClient.FIN
	if s.Flow(from.Other()).Passed || unheard {
		s.End(s.finReason(from), now)
	}
}
