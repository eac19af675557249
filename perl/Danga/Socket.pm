# Danga::Socket, whose loop, objects and queues are libsocle's.
#
# What is here is what only Perl can say: the fields, the methods that subclasses
# override, and the subs through which the library calls Perl.
package Danga::Socket;
use strict;
use warnings;
use Carp ();
use Time::HiRes ();
use XSLoader ();

our $VERSION = '1.62';
our ($HaveEpoll, $HaveKQueue, $DoneInit, $LoopTimeout, $DoProfile);
our (%DescriptorMap, %OtherFds, %PLCMap, %Profiling);

# The first are set by the library or when they change; a program reads them.
# write_buf, write_buf_offset, write_set_watch and read_push_back are the
# library's, and empty here.
use fields qw(sock fd write_buf write_buf_offset write_buf_size write_set_watch
	read_push_back closed corked event_watch peer_v6 peer_ip peer_port
	local_v6 local_ip local_port writer_func);

use constant {
	TCP_CORK => $^O eq 'linux' ? 3 : 0,
	POLLIN => 1, POLLOUT => 4, POLLERR => 8, POLLHUP => 16, POLLNVAL => 32,
};

# ---- how the library calls Perl ----

# A handler that is left by next or last leaves the block only.
sub _event_read { { $_[0]->event_read } }
sub _event_write { { $_[0]->event_write } }
sub _event_err { { $_[0]->event_err } }
sub _event_hup { { $_[0]->event_hup } }
sub _on_incomplete_write { { $_[0]->on_incomplete_write } }
sub _close { { $_[0]->close($_[1]) } }
sub _close_handle { { $_[0]->close } }
sub _signals { { _catch_up() } }
sub _log { { print STDERR ">>> $_[0]\n" } }

sub _code {
	my $code = shift;
	my $result;
	{ $result = &$code }
	return $result;
}

sub _tied_write { { return syswrite $_[0], ${$_[1]}, $_[2], 0 } }

sub _tied_holds {
	my $handle = shift;
	return UNIVERSAL::can($handle, 'pending') && $handle->pending;
}

sub _tied_read {
	my ($handle, $size) = @_;
	my ($bytes, $n);
	{ $n = sysread $handle, $bytes, $size }
	return defined $n ? \$bytes : undef;
}

sub _post_loop {
	my $go_on = 1;
	{ $go_on = $_[0]->(\%DescriptorMap, \%OtherFds) }
	return $go_on;
}

XSLoader::load(__PACKAGE__, $VERSION);

# ---- class methods ----

sub Reset {
	_reset();
	%Profiling = ();
	($LoopTimeout, $DoProfile, $DoneInit) = (-1, 0, 0);
}

sub _InitPoller {
	my $backend = _backend() || '';
	$HaveEpoll = $backend eq 'epoll';
	$HaveKQueue = $backend eq 'kqueue';
	$DoneInit = 1;
}

sub HaveEpoll {
	_InitPoller();
	return $HaveEpoll;
}

sub EventLoop {
	_InitPoller();
	_run();
	return;
}
*FirstTimeEventLoop = \&EventLoop;

# The backend can be chosen until the loop is used.
sub EpollEventLoop { _choose('epoll'); goto &EventLoop }
sub PollEventLoop { _choose('poll'); goto &EventLoop }
sub KQueueEventLoop { _choose('kqueue'); goto &EventLoop }

sub ProfilingData {
	_profile(\%Profiling);
	return \%Profiling;
}

sub ToClose { return @{_to_close()} }

sub OtherFds {
	my ($class, %fds) = @_;
	%OtherFds = %fds if @_ > 1;
	return wantarray ? %OtherFds : \%OtherFds;
}

sub AddOtherFds {
	my ($class, %fds) = @_;
	$OtherFds{$_} = $fds{$_} for keys %fds;
	return wantarray ? %OtherFds : \%OtherFds;
}

sub DescriptorMap { return wantarray ? %DescriptorMap : \%DescriptorMap }
*descriptor_map = *get_sock_ref = *DescriptorMap;

sub AddTimer {
	my ($class, $seconds, $code) = @_;
	my $id = _add_timer($seconds, $code || sub { });
	return bless [Time::HiRes::time() + $seconds, $code, $id],
		'Danga::Socket::Timer';
}

sub DebugLevel {
	_debug_level($_[-1]) if @_ && $_[-1] =~ /^\d+$/;
	return 0;
}

sub DebugMsg {
	my ($class, $fmt, @args) = @_;
	chomp $fmt;
	printf STDERR ">>> $fmt\n", @args;
}

# ---- object methods ----

# The subs of this file are called as subs: a subclass may have others of the same
# name.

sub new {
	my ($self, $sock) = @_;
	$self = fields::new($self) unless ref $self;
	my $fd = fileno $sock;
	Carp::cluck("undef sock and/or fd in Danga::Socket->new.  sock=$sock, fd=")
		unless defined $fd;
	my $result = _attach($self, $sock, $fd // -1);
	return $self if $result == 0;
	$! = -$result;
	die "couldn't add epoll watch for ", $fd // '', "\n";
}

sub CLONE_SKIP { 1 }

END { _leave() }

sub sock { return $_[0]{sock} }

sub tcp_cork {
	my ($self, $on) = @_;
	return if !$self->{sock} || !$on == !$self->{corked};
	my $result = _cork($self, $on);
	if ($result == 0) {
		$self->{corked} = $on;
		return;
	}
	local $! = -$result;
	warn "setsockopt: $!";
	$self->close('tcp_cork_failed');
}

sub set_writer_func {
	my ($self, $code) = @_;
	Carp::croak('Not a subref')
		unless !defined $code || UNIVERSAL::isa($code, 'CODE');
	_set_writer($self, $code);
	$self->{writer_func} = $code;
}

sub event_read { die "Base class event_read called for $_[0]\n" }
sub event_err { die "Base class event_err called for $_[0]\n" }
sub event_hup { die "Base class event_hup called for $_[0]\n" }
sub event_write { $_[0]->write(undef) }

sub dump_error {
	my ($i, @list) = 0;
	while (my ($file, $line, $sub) = (caller $i++)[1 .. 3]) {
		push @list, "\t$file:$line called $sub\n";
	}
	warn "ERROR: $_[1]\n\t$_[0] = " . $_[0]->as_string . "\n", @list;
}

sub debugmsg {
	Carp::confess('Not an object') unless ref $_[0];
	goto &DebugMsg;
}

# ---- addresses ----

sub _undef {
	warn 'Danga::Socket: ' . ($_[0] || '') . "\n" if $ENV{DS_DEBUG};
	return undef;
}

# A subclass or a program may set the fields; they come first.
sub _ip_string {
	my ($self, $end, $call) = @_;
	return _undef("${end}_ip_string undef: no sock") unless $self->{sock};
	return $self->{"${end}_ip"} if defined $self->{"${end}_ip"};
	my ($ip, $port) = _address($self, $end eq 'peer')
		or return _undef("${end}_ip_string undef: $call");
	$self->{"${end}_v6"} = 1 if $ip =~ /:/ && defined $port;
	$self->{"${end}_port"} = $port;
	return $self->{"${end}_ip"} = $ip;
}

sub _addr_string {
	my ($self, $end, $ip) = @_;
	return undef unless $ip;
	my $port = $self->{"${end}_port"};
	return $ip unless defined $port;
	return $self->{"${end}_v6"} ? "[$ip]:$port" : "$ip:$port";
}

sub peer_ip_string { _ip_string($_[0], 'peer', 'getpeername') }
sub local_ip_string { _ip_string($_[0], 'local', 'getsockname') }
sub peer_addr_string { _addr_string($_[0], 'peer', $_[0]->peer_ip_string) }
sub local_addr_string { _addr_string($_[0], 'local', $_[0]->local_ip_string) }

sub as_string {
	my $self = shift;
	my $peer = $self->peer_addr_string;
	return ref($self) . '(' . ($self->{event_watch} & POLLIN ? 'R' : '') .
		($self->{event_watch} & POLLOUT ? 'W' : '') . '): ' .
		($self->{closed} ? 'closed' : 'open') . ($peer ? " to $peer" : '');
}

# ---- timers and maps ----

package Danga::Socket::Timer;

sub cancel {
	Danga::Socket::_cancel_timer($_[0][2]);
	$_[0][1] = undef;
}

# Views of the library's maps.  A walk skips what has gone meanwhile.
package Danga::Socket::Map;

sub TIEHASH { return bless { keys => [] }, shift }
sub EXISTS { return defined $_[0]->FETCH($_[1]) }
sub SCALAR { return scalar @{$_[0]->_fds} }
sub CLEAR { $_[0]->DELETE($_) for @{$_[0]->_fds} }

sub FIRSTKEY {
	$_[0]{keys} = $_[0]->_fds;
	return $_[0]->NEXTKEY;
}

sub NEXTKEY {
	my $self = shift;
	while (defined(my $fd = shift @{$self->{keys}})) {
		return $fd if $self->EXISTS($fd);
	}
	return undef;
}

package Danga::Socket::Map::Objects;
our @ISA = 'Danga::Socket::Map';

sub STORE { Carp::croak('the descriptor map shows what is in the loop') }

package Danga::Socket::Map::OtherFds;
our @ISA = 'Danga::Socket::Map';

package Danga::Socket::Map::PostLoop;
our @ISA = 'Danga::Socket::Map';

sub STORE {
	my $object = $Danga::Socket::DescriptorMap{$_[1]} or return;
	Danga::Socket::SetPostLoopCallback($object, $_[2]);
}
sub DELETE { $_[0]->STORE($_[1], undef) }

package Danga::Socket;

tie %DescriptorMap, 'Danga::Socket::Map::Objects';
tie %OtherFds, 'Danga::Socket::Map::OtherFds';
tie %PLCMap, 'Danga::Socket::Map::PostLoop';
($LoopTimeout, $DoProfile, $DoneInit) = (-1, 0, 0);

1;
