package policy

import "gopkg.in/yaml.v3"

// Traits are what the rest of the program, and the rules of Parse, must know of a protocol.
type Traits struct {
	Name              string // in the file
	Message           string // what one message is, in Markdown
	NoMessages        bool   // every read counts as one, so that sizes and boundaries mean nothing
	ServerSpeaksFirst bool   // first_message_timeout starts with the server's first message
	PairsReplies      bool   // a request awaits its reply
	Answerable        bool   // the gateway can answer a heartbeat
	Probeable         bool   // the gateway can ask a silent client for a sign of life
	Negotiates        bool   // the two sides agree on a keepalive, which idle_timeout can follow
	Farewell          bool   // the protocol has a message that says goodbye
}

// protocolRow is a protocol in the table: its traits and how the file writes it.
type protocolRow struct {
	Traits
	framing  Framing
	needs    string                // why the name does not stand alone, "" where it does
	standard func(p *Protocol)     // what the name alone means; nil: nothing more
	takes    func(*Protocol) value // what its mapping takes
}

// protocols is the one table of the protocols there are. A protocol that is not in it is unknown to the file.
func protocols() []protocolRow {
	return []protocolRow{
		{framing: Raw, takes: noKeys, Traits: Traits{
			Name: "raw", NoMessages: true, Message: "every read; a plain proxy, whose message counts depend on chance",
		}},
		{framing: LengthField, needs: "length_field needs the size of its field, as in {length_field: {size: 4}}",
			takes: func(p *Protocol) value { return alone(p.LengthField.keys()).then(p.LengthField.settle) }, Traits: Traits{
				Name: "length_field", Answerable: true, Message: "`offset + size + value + adjustment` bytes, as in Netty's LengthFieldBasedFrameDecoder",
			}},
		{framing: Delimiter, standard: func(p *Protocol) { p.Delimiter = []byte("\n") },
			takes: func(p *Protocol) value { return byteString(&p.Delimiter) }, Traits: Traits{
				Name: "delimiter", Answerable: true, Message: "what ends with the delimiter; a newline where none is given",
			}},
		{framing: Fixed, needs: "fixed needs the size of a message, as in {fixed: {size: 64}}",
			takes: func(p *Protocol) value { return alone(p.fixedKeys()) }, Traits: Traits{
				Name: "fixed", Answerable: true, Message: "`size` bytes",
			}},
		{framing: Varint, takes: noKeys, Traits: Traits{
			Name: "varint", Answerable: true, Message: "a length as a varint, as in Protocol Buffers, and that many bytes",
		}},
	}
}

// Protocols are the traits of every protocol, in the order of the reference.
func Protocols() []Traits {
	var all []Traits
	for _, row := range protocols() {
		all = append(all, row.Traits)
	}
	return all
}

// Traits are those of p's protocol.
func (p Protocol) Traits() Traits { return rowOf(p.Framing).Traits }

func rowOf(f Framing) protocolRow {
	for _, row := range protocols() {
		if row.framing == f {
			return row
		}
	}
	return protocolRow{}
}

// standAlone are the protocols whose name is enough.
func standAlone() []string {
	var names []string
	for _, row := range protocols() {
		if row.needs == "" {
			names = append(names, row.Name)
		}
	}
	return names
}

// alone takes a mapping whose defaults hold only where it is written.
func alone(list keys) value {
	v := mapping(list)
	read := v.read
	v.read = func(c cursor) { list.setDefaults(); read(c) }
	v.nested = false
	return v
}

func noKeys(*Protocol) value {
	return alone(keys{}).printed(func() *yaml.Node { return nil })
}
