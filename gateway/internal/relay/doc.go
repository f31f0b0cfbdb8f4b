// Package relay carries the bytes of sessions between their two sockets.
//
// A Loop is one epoll loop that owns its sessions outright: no lock guards them and no other goroutine touches them. What
// others want of a loop they post to its mailbox. One of the loops also accepts, and gives each client to the loop that has
// the fewest.
//
//	            accept                   ready                     due
//	listener ──► acceptor ──► loop.open  loop.onReady ──► pump     loop.onDue ──► end
//	                           │          │                │                      │
//	                           ▼          ▼                ▼                      ▼
//	                       connector ──► connected    session.Received         closer ──► free
//
// The parts of a loop have the loop's turn while they work, each with its own state:
//
//	acceptor    listeners, and clients that have no route yet      accept.go, arrive.go
//	connector   upstream connections                               dial.go
//	handshaker  TLS handshakes                                     handshake.go
//	tls         what goes through crypto/tls                       tls.go
//	ends        how one side's end reaches the other               ends.go
//	closer      the sockets of sessions that have ended            close.go
//	drain       whether, and by when, connections drain            drain.go
//	timers      when to look at each connection, and why           timers.go
//	inserter    answers, probes, farewells                         answers.go, probe.go, farewell.go
//	keeper      bytes that are looked at again                     kept.go
//	memory      whether there is any, and who waits for it         memory.go
//	unbuffered  what is passed on while there is none              unbuffered.go
//	holder      a first message until it is whole                  await.go
//	splicer     large messages, through pipes                      splice.go
//	backlog     who has more to read than one turn allows          backlog.go
//	mailbox     what others want of the loop                       mailbox.go
//	tally       what is counted and remembered                     tally.go
//
// What follows a read is in pump.go, what follows a write in write.go.
//
// A loop reads into one buffer of its own and writes on what it read at once. Only bytes that the other side would not take
// are copied, to pooled memory that is bounded for the whole process; the side that sent them is not read until they are
// gone. So an idle session holds no buffer.
//
// What messages, timers and ends mean is said by package session. Here is only what must be done about it.
package relay
