# Objects: their fields, their ends, and the maps.
use strict;
use warnings;
use Test::More;
use Danga::Socket;
use Errno qw(EAGAIN EPIPE);
use Pair;
use Socket;

subtest 'the fields tell what the library knows' => sub {
	my $p = Pair->new;
	is $p->{fd}, fileno $p->{sock};
	is $p->{closed}, 0;
	is $p->{event_watch}, 56;
	$p->watch_read(1);
	is $p->{event_watch}, 57;
	$p->fill;
	my $size = $p->{write_buf_size};
	ok $size > 0;
	is $p->{event_watch}, 61, 'the queue watches writability';
	$p->write('abc');
	is $p->{write_buf_size}, $size + 3;
	for (1 .. 100) { $p->heard; Pair->ticks(1) }
	is $p->{write_buf_size}, 0;
	is $p->{event_watch}, 57;
	$p->close;
	is $p->{closed}, 1;
	is $p->{$_}, undef, $_ for qw(fd sock);
};

subtest '$! is 0 after a success' => sub {
	my $p = Pair->new;
	$! = EPIPE;
	ok $p->write('a');
	is $! + 0, 0;
	$! = EPIPE;
	is ${$p->read(10)}, '', 'nothing to read is an empty string';
	is $! + 0, EAGAIN;
	$p->say('b');
	$! = EPIPE;
	is ${$p->read(10)}, 'b';
	is $! + 0, 0;
	shutdown $p->{peer}, 1;
	$! = EAGAIN;
	is $p->read(10), undef;
	is $! + 0, 0, 'nor is it at the end';
	$p->close;
};

subtest 'a scalar may change after write has a reference to it' => sub {
	my $p = Pair->new;
	$p->fill;
	my $text = 'before';
	$p->write(\$text);
	$text = 'AFTER!';
	my $got = '';
	for (1 .. 100) { $got .= $p->heard; Pair->ticks(1) }
	like $got, qr/^x+before$/;
	$p->close;
};

subtest 'write takes bytes, references, objects, code and undef' => sub {
	my $p = Pair->new;
	my @ran;
	is $p->write('a'), 1;
	is $p->write(\'b'), 1;
	is $p->write(bless \(my $c = 'c'), 'Any'), 1;
	is $p->write(sub { push @ran, scalar @_ }), 1;
	is $p->write(undef), 1;
	is $p->write(12), 1;
	is $p->write("\x{e9}\x{263a}"), 1, 'as bytes';
	is_deeply \@ran, [0], 'code gets no arguments';
	my $all = "abc12\x{e9}\x{263a}";
	utf8::encode($all);
	is $p->heard, $all;
	ok !eval { $p->write([]); 1 };
	$p->close;
	is $p->write('x'), 1, 'a closed object takes everything';
};

subtest 'an object lives until it is closed, and is destroyed once' => sub {
	Pair->ticks(1);
	my $before = $Pair::destroyed;
	Pair->new for 1 .. 10;
	is $Pair::destroyed, $before;
	is(Danga::Socket->WatchedSockets, 10);
	$_->close for values %{Danga::Socket->DescriptorMap};
	is scalar(() = Danga::Socket->ToClose), 10;
	Pair->ticks(1);
	Pair->ticks(1);
	is(Danga::Socket->WatchedSockets, 0);
	is $Pair::destroyed, $before + 10;
};

subtest 'the handle is closed with the object, through its own close' => sub {
	our @closed;
	{ package Handle; our @ISA = 'IO::Handle';
		sub close { push @main::closed, fileno $_[0]; $_[0]->SUPER::close } }
	my $p = Pair->new;
	my $fd = $p->{fd};
	bless $p->{sock}, 'Handle';
	my $peer = $p->{peer};
	is $p->close, 0;
	is $p->close, undef, 'a second close does nothing';
	is_deeply \@closed, [], 'at the end of the tick';
	Pair->ticks(1);
	is_deeply \@closed, [$fd];
	is sysread($peer, my $buf, 1), 0;
};

subtest 'the library closes through the class, with its reason' => sub {
	local $SIG{PIPE} = 'IGNORE';
	my @reasons;
	my $p = Pair->new(close => sub { push @reasons, $_[1]; 1 });
	close $p->{peer};
	is $p->write('x'), 0;
	is_deeply \@reasons, ['EPIPE'];
	ok $p->{closed};
	@reasons = ();
	my $q = Pair->new(close => sub { push @reasons, $_[1]; 0 });
	close $q->{peer};
	is $q->write('x'), 0;
	is_deeply \@reasons, ['EPIPE'];
	ok !$q->{closed}, 'which may veto';
	$q->{on}{close} = undef;
	$q->close;
};

subtest 'a stolen handle is open, and may be given to another object' => sub {
	my ($q, $got);
	my $p = Pair->new(read => sub {
		my $self = shift;
		my $sock = $self->steal_socket;
		is $self->{closed}, 1;
		$q = fields::new('Pair');
		Danga::Socket::new($q, $sock);
		$q->{on} = { read => sub { $got = ${$_[0]->read(10)} } };
		$q->watch_read(1);
	});
	my $peer = $p->{peer};
	$p->say('hello');
	Pair->ticks(3);
	is $got, 'hello';
	is $p->steal_socket, undef;
	is(Danga::Socket->WatchedSockets, 1);
	$q->close;
	Pair->ticks(1);
};

subtest 'a handle that the program closed makes way for the next' => sub {
	my @warnings;
	local $SIG{__WARN__} = sub { push @warnings, @_ };
	my $p = Pair->new(read => sub { });
	my $fd = $p->{fd};
	close $p->{sock};
	my $got = '';
	my $q = Pair->new(read => sub { $got .= ${$_[0]->read(10)} });
	is $q->{fd}, $fd, 'at the same number';
	like "@warnings", qr/blowing away existing descriptor map for fd=$fd/;
	$q->say('b');
	Pair->ticks(2);
	is $got, 'b';
	$q->close;
	Pair->ticks(1);
};

subtest 'an fd that cannot be watched is refused' => sub {
	open my $file, '<', $0 or die;
	ok !eval { Danga::Socket->new($file); 1 };
	like $@, qr/^couldn't add epoll watch for \d+$/;
	my $p = Pair->new;
	ok !eval { Danga::Socket->new($p->{sock}); 1 }, 'one that is watched';
	$p->close;
	Pair->ticks(1);
};

subtest 'what a program leaves open at exec stays open' => sub {
	use Fcntl;
	local $^F = 1000;
	my $p = Pair->new;
	is fcntl($p->{sock}, F_GETFD, 0) & FD_CLOEXEC, 0;
	$^F = 2;
	my $q = Pair->new;
	is fcntl($q->{sock}, F_GETFD, 0) & FD_CLOEXEC, FD_CLOEXEC;
	$_->close for $p, $q;
	Pair->ticks(1);
};

subtest 'a walk of the map may close what it finds' => sub {
	Pair->new for 1 .. 10;
	my $map = Danga::Socket->DescriptorMap;
	is ref $map, 'HASH';
	my $seen = 0;
	while (my ($fd, $object) = each %$map) {
		is $object->{fd}, $fd;
		$object->close;
		$seen++;
	}
	is $seen, 10;
	is scalar keys %$map, 10, 'they are there until the end of the tick';
	Pair->ticks(1);
	is scalar keys %$map, 0;
	ok !%$map;
	ok !exists $map->{3};
	is $map->{''}, undef;
};

subtest 'an object that is deleted from the map is let go' => sub {
	my $p = Pair->new(read => sub { fail 'it is watched' });
	my $map = Danga::Socket->DescriptorMap;
	my $fd = $p->{fd};
	is delete $map->{$fd}, $p;
	ok !$map->{$fd};
	$p->say('x');
	Pair->ticks(2);
	ok defined fileno $p->{sock}, 'and its handle stays open';
};

subtest 'a class that is changed by bless is the class' => sub {
	{ package Other; our @ISA = 'Pair'; 
		sub event_read { $_[0]->read(9); $Other::read++ } }
	my $p = Pair->new(read => sub {
		my $self = shift;
		$self->read(9);
		Internals::SvREADONLY(%$self, 0); # of fields
		bless $self, 'Other';
	});
	Danga::Socket->EnableProfiling;
	$p->say('a');
	Pair->ticks(2);
	$p->say('b');
	Pair->ticks(2);
	Danga::Socket->DisableProfiling;
	is $Other::read, 1;
	like $p->as_string, qr/^Other\(R\): open/;
	my $data = Danga::Socket->ProfilingData;
	is $data->{'Pair-read'}[2], 1;
	is $data->{'Other-read'}[2], 1;
	$p->close;
	Pair->ticks(1);
};

subtest 'a reset forgets everything, and the loop can be used again' => sub {
	my $p = Pair->new(close => sub { fail 'it is not closed' });
	my $map = Danga::Socket->DescriptorMap;
	Danga::Socket->AddTimer(0, sub { fail 'a timer runs' });
	pipe my $r, my $w or die;
	Danga::Socket->AddOtherFds(fileno $r => sub { fail 'an fd is watched' });
	syswrite $w, 'x';
	Danga::Socket->Reset;
	is scalar keys %$map, 0;
	is scalar keys %{Danga::Socket->OtherFds}, 0;
	ok defined fileno $p->{sock}, 'a handle that is held stays open';
	is $p->write('x'), 1, 'and methods are harmless';
	$p->watch_read(1);
	$p->close;
	Pair->ticks(2);
	my $got;
	my $q = Pair->new(read => sub { $got = ${$_[0]->read(1)} });
	$q->say('y');
	Pair->ticks(2);
	is $got, 'y';
	$q->close;
	Pair->ticks(1);
};

subtest 'a reset in a handler closes what the handler has' => sub {
	my $p = Pair->new(read => sub {
		$_[0]->read(1);
		Danga::Socket->Reset;
		is $_[0]{closed}, 1;
		is $_[0]->write('x'), 1;
	});
	$p->say('a');
	Pair->ticks(3);
	is(Danga::Socket->WatchedSockets, 0);
};

subtest 'no object is left, and no fd' => sub {
	my $fds = sub { scalar(() = glob '/proc/self/fd/*') };
	Pair->ticks(1);
	my ($before, $open) = ($Pair::destroyed, $fds->());
	for (1 .. 200) {
		my $p = Pair->new(read => sub { $_[0]->read(10); $_[0]->close });
		$p->SetPostLoopCallback(sub { $p });
		$p->write(sub { my $kept = $p });
		$p->say('x');
		Pair->ticks(2);
	}
	Pair->ticks(2);
	is $Pair::destroyed, $before + 200;
	is $fds->(), $open;
};

done_testing;
