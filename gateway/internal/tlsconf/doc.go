// Package tlsconf reads certificates, keys and authorities, and reads them again when their files change.
//
// What one listener or one upstream shows and trusts is a Material. It is made whole or not at all; afterwards its files are
// looked at by a Keeper, and what they hold takes over when it can be used. Files that cannot be, as while they are being
// exchanged, leave those before in force.
//
//	m, err := tlsconf.New(tlsconf.Config{Pairs: []tlsconf.Pair{{Cert: cert, Key: key}}})
//	keeper.Keep(m)
//	conn := tls.Server(wire, m.TLS()) // as the files are now
//
// Of several certificates the one is shown that is valid for the name that the client asks for, an exact name before a
// wildcard; of several for one name the first that the client can use, so that one may be RSA and one ECDSA. A client that asks
// for no name, or for another, gets the first of the file.
package tlsconf
