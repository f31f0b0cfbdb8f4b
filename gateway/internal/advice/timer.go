package advice

// Timer is a timer that there is advice on.
type Timer uint8

const (
	IdleTimeout Timer = iota
	FirstMessageTimeout
	MessageTimeout
	MaxLifetime
	Timers // how many there are; none itself
)

// String returns the key of the policy file.
func (t Timer) String() string {
	return [...]string{"idle_timeout", "first_message_timeout", "message_timeout", "max_lifetime"}[t]
}
