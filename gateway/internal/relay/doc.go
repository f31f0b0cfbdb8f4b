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
// The parts of a loop have the loop's turn while they work, and state of their own: the acceptor listeners, the connector none, the
// closer none, the backlog who has more to read than one turn allows, the mailbox what others want. What follows a read is in
// pump.go, what follows a write in write.go, what a timer does in timers.go.
//
// A loop reads into one buffer of its own and writes on what it read at once. Only bytes that the other side would not take
// are copied, to pooled memory that is bounded for the whole process; the side that sent them is not read until they are
// gone. So an idle session holds no buffer.
//
// What messages, timers and ends mean is said by package session. Here is only what must be done about it.
package relay
