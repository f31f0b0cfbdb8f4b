// One end of a FIX session on QuickFIX, for TestQuickFIXThroughTheGateway.
//
//   quickfix_pair acceptor PORT                     accepts, and answers each order with a report
//   quickfix_pair initiator PORT ORDERS HEARTBEATS  sends ORDERS orders of growing size, waits until HEARTBEATS heartbeats have
//                                                   come, says what it has sent and received, and logs out
#include <quickfix/Application.h>
#include <quickfix/Message.h>
#include <quickfix/MessageStore.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketAcceptor.h>
#include <quickfix/SocketInitiator.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

namespace {

bool isHeartbeat(const FIX::Message& message) {
  const std::string& type = message.getHeader().getField(35);
  return type == "0" || type == "1";
}

class End : public FIX::Application {
 public:
  explicit End(int orders) : orders_(orders) {}

  std::atomic<int> sent{0}, received{0}, heartbeats{0}, reports{0};
  std::atomic<bool> loggedOn{false}, loggedOut{false};

  void onCreate(const FIX::SessionID&) {}
  void onLogon(const FIX::SessionID& session) {
    loggedOn = true;
    for (int n = 0; n < orders_; n++) {
      FIX::Message order;
      order.getHeader().setField(35, "D");
      order.setField(11, std::to_string(n));
      order.setField(58, std::string(n * n + 1, 'x') + "10=000");
      FIX::Session::sendToTarget(order, session);
    }
  }
  void onLogout(const FIX::SessionID&) { loggedOut = true; }
  void toAdmin(FIX::Message&, const FIX::SessionID&) { sent++; }
  void toApp(FIX::Message&, const FIX::SessionID&) throw(FIX::DoNotSend) { sent++; }
  void fromAdmin(const FIX::Message& message, const FIX::SessionID&) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) {
    received++;
    if (isHeartbeat(message)) heartbeats++;
  }
  void fromApp(const FIX::Message& message, const FIX::SessionID& session) throw(
      FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) {
    received++;
    if (message.getHeader().getField(35) == "8") {
      reports++;
      return;
    }
    FIX::Message report;
    report.getHeader().setField(35, "8");
    report.setField(11, message.getField(11));
    report.setField(58, message.getField(58));
    FIX::Session::sendToTarget(report, session);
  }

 private:
  const int orders_;
};

FIX::SessionSettings settings(bool accepts, const std::string& port) {
  std::ostringstream text;
  text << "[DEFAULT]\nBeginString=FIX.4.4\nStartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=N\nResetOnLogon=Y\n"
       << "HeartBtInt=1\nReconnectInterval=1\n[SESSION]\n";
  if (accepts)
    text << "ConnectionType=acceptor\nSocketAcceptPort=" << port << "\nSenderCompID=EXCHANGE\nTargetCompID=TRADER\n";
  else
    text << "ConnectionType=initiator\nSocketConnectHost=127.0.0.1\nSocketConnectPort=" << port
         << "\nSenderCompID=TRADER\nTargetCompID=EXCHANGE\n";
  std::istringstream in(text.str());
  return FIX::SessionSettings(in);
}

template <typename Holds>
void await(Holds holds) {
  while (!holds()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string role = argv[1];
  FIX::MemoryStoreFactory store;
  if (role == "acceptor") {
    End end(0);
    FIX::SocketAcceptor acceptor(end, store, settings(true, argv[2]));
    acceptor.start();
    await([] { return false; });  // the test ends it
  }
  const int orders = std::atoi(argv[3]), heartbeats = std::atoi(argv[4]);
  End end(orders);
  FIX::SocketInitiator initiator(end, store, settings(false, argv[2]));
  initiator.start();
  await([&] { return end.reports == orders && end.heartbeats >= heartbeats; });
  initiator.stop();  // logs out
  std::cout << end.sent << " sent, " << end.received << " received, " << end.heartbeats << " heartbeats received" << std::endl;
  return 0;
}
