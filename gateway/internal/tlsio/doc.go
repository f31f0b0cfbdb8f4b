// Package tlsio speaks TLS on sockets that nobody waits for.
//
// crypto/tls reads and writes a net.Conn as if that could wait. Here it is an adaptor with two lives:
//
//	the handshake   runs in a goroutine of its own, of which a Pool bounds how many there are and how many compute. What it reads
//	                the loop has delivered, what it writes the loop takes: only the loop touches the socket.
//	afterwards      everything runs on the loop. A read that finds nothing answers EAGAIN, which is a temporary net.Error: at
//	                those the record layer keeps what it has of a record. A write always takes what it is given.
//
//	h := pool.Server(config, hello, func() { loop.Post(...) })   // the loop calls h.Take, h.Deliver
//	conn := h.Conn()                                             // when Take has said that it is done
//	n, err := conn.Read(socket, b)
//
// So there is no goroutine for a connection that is idle. A record that comes in parts is put together in crypto/tls, a read asks
// for no more than one record, and what a record brings is decrypted where it lies.
package tlsio
