package gateway_test

import (
	"encoding/binary"
	"io"
	"log"
	"sync/atomic"
	"testing"

	"github.com/simonvetter/modbus"
)

// modbusFrames counts messages by their MBAP header (MODBUS Messaging on TCP/IP V1.0b, section 3.1.3).
func modbusFrames(t *testing.T, said [2][]byte) (n tally) {
	t.Helper()
	for from, b := range said {
		for ; len(b) > 0; n.messages[from]++ {
			b = b[6+int(binary.BigEndian.Uint16(b[4:])):]
		}
	}
	return n
}

// device is a Modbus server's registers and coils. It counts the requests that it has answered.
type device struct {
	registers [1000]uint16
	coils     [1000]bool
	requests  atomic.Uint64
}

func (d *device) HandleCoils(r *modbus.CoilsRequest) ([]bool, error) {
	d.requests.Add(1)
	if int(r.Addr)+int(r.Quantity) > len(d.coils) {
		return nil, modbus.ErrIllegalDataAddress
	}
	if r.IsWrite {
		copy(d.coils[r.Addr:], r.Args)
	}
	return d.coils[r.Addr:][:r.Quantity], nil
}

func (d *device) HandleHoldingRegisters(r *modbus.HoldingRegistersRequest) ([]uint16, error) {
	d.requests.Add(1)
	if int(r.Addr)+int(r.Quantity) > len(d.registers) {
		return nil, modbus.ErrIllegalDataAddress
	}
	if r.IsWrite {
		copy(d.registers[r.Addr:], r.Args)
	}
	return d.registers[r.Addr:][:r.Quantity], nil
}

func (d *device) HandleDiscreteInputs(*modbus.DiscreteInputsRequest) ([]bool, error) {
	d.requests.Add(1)
	return nil, modbus.ErrIllegalFunction
}

func (d *device) HandleInputRegisters(*modbus.InputRegistersRequest) ([]uint16, error) {
	d.requests.Add(1)
	return nil, modbus.ErrIllegalFunction
}

func TestModbusThroughTheGateway(t *testing.T) {
	registers, quiet, at := &device{}, log.New(io.Discard, "", 0), freeAddress(t)
	server, err := modbus.NewServer(&modbus.ServerConfiguration{URL: "tcp://" + at, Timeout: patience, Logger: quiet}, registers)
	must(t, err)
	must(t, server.Start())
	t.Cleanup(func() { must(t, server.Stop()) })
	w, g := tapped(t, "modbus", at, "")
	client, err := modbus.NewClient(&modbus.ClientConfiguration{URL: "tcp://" + g.address(), Timeout: patience / 2, Logger: quiet})
	must(t, err)
	must(t, client.Open())
	must(t, client.WriteRegisters(10, []uint16{1, 2, 3}))
	must(t, client.WriteRegister(13, 4))
	got, err := client.ReadRegisters(10, 125, modbus.HOLDING_REGISTER) // as many as a message has room for
	must(t, err)
	if len(got) != 125 || got[0] != 1 || got[3] != 4 {
		t.Errorf("registers are %d", got)
	}
	must(t, client.WriteCoils(7, []bool{true, false, true}))
	coils, err := client.ReadCoils(7, 3)
	must(t, err)
	if !coils[0] || coils[1] || !coils[2] {
		t.Errorf("coils are %t", coils)
	}
	if _, err := client.ReadRegisters(990, 100, modbus.HOLDING_REGISTER); err != modbus.ErrIllegalDataAddress { //nolint:errorlint // the library returns it so
		t.Errorf("beyond the last register: %v", err)
	}
	if _, err := client.ReadRegisters(0, 1, modbus.INPUT_REGISTER); err != modbus.ErrIllegalFunction { //nolint:errorlint // the library returns it so
		t.Errorf("no such registers: %v", err)
	}
	for range 500 {
		_, err := client.ReadRegister(0, modbus.HOLDING_REGISTER)
		must(t, err)
	}
	must(t, client.Close())
	answered := registers.requests.Load()
	if n := w.agrees(t, g, modbusFrames); n.messages != [2]uint64{answered, answered} {
		t.Errorf("%v on the wire, but the server has answered %d requests", n, answered)
	}
	client, err = modbus.NewClient(&modbus.ClientConfiguration{URL: "tcp://" + g.address(), Timeout: patience / 2, Logger: quiet})
	must(t, err)
	must(t, client.Open())
	must(t, client.WriteUint32(500, 70_000))
	_, err = client.ReadFloat64s(0, 20, modbus.HOLDING_REGISTER)
	must(t, err)
	_, _ = client.ReadRegisters(990, 100, modbus.HOLDING_REGISTER) // an exception, as above
	must(t, client.Close())
	w.agrees(t, g, modbusFrames)
	w.capture(t, "modbus_simonvetter", "github.com/simonvetter/modbus, both ends", modbusFrames, func(said [2][]byte) bool { return len(said[0]) < 200 })
}
