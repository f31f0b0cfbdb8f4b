// Package gateway is the running gateway: listeners, routes, event loops and the operator's address.
//
//	g, err := gateway.New(gateway.Config{Policy: cfg})
//	if err != nil {
//		return err // an address is taken, a name does not resolve, a log file cannot be opened
//	}
//	go func() { <-sigterm; g.Drain() }()
//	return g.Run(ctx)
//
// New binds everything, so that what is wrong shows as soon as the process is started. Run serves until its context
// ends, which cuts what is open, or until a drain has ended.
//
// What happens to a connection is decided further down: package policy reads the operator's file, compile turns it into
// the plain values that loops use, package relay carries the bytes.
package gateway
