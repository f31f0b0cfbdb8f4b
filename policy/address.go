package policy

// Address is a place to listen at or to connect to: host and port, or the path of a unix socket.
// The zero Address is no address.
type Address struct {
	Host string // "" is every address of both families; names are allowed
	Port uint16
	Path string // of a unix socket; then Host and Port are zero
}
