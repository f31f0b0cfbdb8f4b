// Package file reads files that may be anything and may hang, and tells when one may have been edited.
//
// What an operator names can be a FIFO, a link to /dev/zero, a directory, or lie on a network file system whose server is
// away. Only a regular file of at most MaxBytes is read. Whatever the kernel may never answer is asked in a goroutine of its
// own: a caller waits until its context ends, and what hangs costs that one goroutine.
//
//	f := file.New("idlegate.yaml")
//	data, look, err := f.Read(ctx)
//
// Edits are found by looking at the file once a second, not by asking the kernel for notices: that sees a plain write, a
// rename, every link on the way pointed elsewhere (as a mounted Kubernetes ConfigMap does with its ..data), a mount over the
// file, and what another machine writes to a network file system. A file is settled when two looks agree; one that is being
// written changes between them.
//
//	f.Watch(ctx, file.Watch{Every: time.Second, Settled: func(look file.Look) { /* read it, unless that look was read */ }})
package file
