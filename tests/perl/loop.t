# The loop: timers, other fds, callbacks, push-back and writer functions.
use strict;
use warnings;
use Test::More;
use Danga::Socket;
use Errno qw(EAGAIN EPIPE);
use Pair;
use Scalar::Util qw(weaken);

subtest 'timers run in order, get the time, and may be cancelled' => sub {
	my (@ran, $now);
	my $late = Danga::Socket->AddTimer(60, sub { push @ran, 'late' });
	Danga::Socket->AddTimer(0.3, sub { push @ran, 'soon'; $late->cancel });
	Danga::Socket->AddTimer(-1, sub { $now = shift; push @ran, 'now' });
	Danga::Socket->SetLoopTimeout(-1);
	Danga::Socket->SetPostLoopCallback(sub { @ran < 2 });
	Danga::Socket->EventLoop;
	is_deeply \@ran, ['now', 'soon'];
	ok abs($now - time) < 5;
	is ref $late, 'Danga::Socket::Timer';
	$late->cancel;
	pass 'also twice';
};

subtest 'code is freed when it will not run any more' => sub {
	my @held = map { { n => $_ } } 1 .. 5;
	my $p = Pair->new;
	my ($a, $b, $c, $d, $e) = @held;
	Danga::Socket->AddTimer(0, sub { $a });
	Danga::Socket->AddTimer(9, sub { $b })->cancel;
	$p->fill;
	$p->write(sub { $c });
	$p->SetPostLoopCallback(sub { $d });
	pipe my $r, my $w or die;
	Danga::Socket->AddOtherFds(fileno $r => sub { $e });
	delete Danga::Socket->OtherFds->{fileno $r};
	undef $_ for $a, $b, $c, $d, $e;
	weaken $_ for @held;
	$p->close;
	Pair->ticks(3);
	is_deeply [map { defined } @held], [('') x 5];
};

subtest 'other fds may be added, replaced and removed in the loop' => sub {
	my @ran;
	pipe my $r, my $w or die;
	my $fd = fileno $r;
	Danga::Socket->AddTimer(0, sub {
		Danga::Socket->AddOtherFds($fd => sub { push @ran, "a$_[0]" });
	});
	syswrite $w, 'x';
	Pair->ticks(3);
	is $ran[0], 'a1', 'the events are the argument';
	is_deeply [keys %{Danga::Socket->OtherFds}], [$fd];
	Danga::Socket->OtherFds->{$fd} = sub { push @ran, 'b' };
	@ran = ();
	Pair->ticks(1);
	is_deeply \@ran, ['b'];
	Danga::Socket->OtherFds($fd => my $code = sub { push @ran, 'c' });
	is(Danga::Socket->OtherFds->{$fd}, $code);
	my %all = Danga::Socket->AddOtherFds;
	is_deeply [keys %all], [$fd];
	%{Danga::Socket->OtherFds} = ();
	@ran = ();
	Pair->ticks(2);
	is_deeply \@ran, [];
};

subtest 'post-loop callbacks get the maps; false ends the loop' => sub {
	my $p = Pair->new;
	my @got;
	my $left = 3;
	$p->SetPostLoopCallback(sub { push @got, [@_]; --$left });
	is $Danga::Socket::PLCMap{$p->{fd}} && 1, 1;
	Danga::Socket->SetLoopTimeout(0);
	Danga::Socket->EventLoop;
	is scalar @got, 3;
	is $got[0][0]{$p->{fd}}, $p;
	is ref $got[0][1], 'HASH';
	$p->SetPostLoopCallback(undef);
	is_deeply [keys %Danga::Socket::PLCMap], [];
	@got = ();
	Pair->ticks(2);
	is scalar @got, 0;
	$p->close;
	$p->SetPostLoopCallback(sub { fail 'it runs for a closed object' });
	Pair->ticks(2);
};

subtest 'post-loop callbacks see what signal handlers and DESTROY did' => sub {
	my $stop = 0;
	local $SIG{ALRM} = sub { $stop = 1 };
	Danga::Socket->SetLoopTimeout(-1);
	Danga::Socket->SetPostLoopCallback(sub { !$stop });
	alarm 1;
	Danga::Socket->EventLoop;
	pass 'the loop ends after a signal';
	$stop = 0;
	{ package Stops; sub DESTROY { ${$_[0]{stop}} = 1 } }
	my $guard = bless { stop => \$stop }, 'Stops';
	Danga::Socket->AddTimer(0, sub { $guard->{ran} = 1 });
	undef $guard;
	Danga::Socket->EventLoop;
	pass 'and after the code of a timer is freed';
	my $p = Pair->new(read => sub { $_[0]->close });
	$stop = 0;
	$p->{on}{guard} = bless { stop => \$stop }, 'Stops';
	$p->say('x');
	undef $p;
	Danga::Socket->EventLoop;
	pass 'and after an object is';
	Danga::Socket->SetPostLoopCallback(undef);
};

subtest 'pushed-back data is read first' => sub {
	my @got;
	my $p = Pair->new(read => sub {
		my $self = shift;
		push @got, ${$self->read(3)};
		if (@got == 1) {
			$self->push_back_read('12345');
			$self->push_back_read(\'67');
		}
	});
	$p->say('abcdef');
	Pair->ticks(8);
	is join('|', @got), 'abc|123|45|67|def';
	$p->close;
};

subtest 'a writer function writes' => sub {
	my (@calls, $p);
	my @results = (3, 0, undef, 2);
	$p = Pair->new;
	$p->set_writer_func(sub {
		my ($bref, $len, $offset) = @_;
		push @calls, substr $$bref, $offset, $len;
		my $n = shift @results;
		syswrite $p->{sock}, $$bref, $n, $offset if $n;
		$! = EAGAIN unless defined $n;
		return $n;
	});
	ref $p->{writer_func} eq 'CODE' or fail 'the field';
	is $p->write('hello'), 0;
	Pair->ticks(8);
	is join('|', @calls), 'hello|lo|lo|lo';
	is $p->heard, 'hello';
	$p->set_writer_func(undef);
	is $p->write('again'), 1;
	is $p->heard, 'again';
	ok !eval { $p->set_writer_func('x'); 1 };
	$p->close;
};

subtest 'a writer function may keep its argument, and may fail' => sub {
	my ($kept, @reasons);
	local $SIG{PIPE} = 'IGNORE';
	my $p = Pair->new(close => sub { push @reasons, $_[1]; 1 });
	$p->set_writer_func(sub { $kept = $_[0]; $! = EPIPE; undef });
	is $p->write('data'), 0;
	is $$kept, 'data';
	is_deeply \@reasons, ['EPIPE'];
};

subtest 'a writer that waits for readability is not called until then' => sub {
	{ package Waits; our @ISA = 'Pair'; sub on_incomplete_write { } }
	my ($calls, $p) = 0;
	$p = Waits->new(read => sub { $_[0]->read(1) });
	$p->set_writer_func(sub {
		return 0 if $calls++ == 0;
		return syswrite $p->{sock}, ${$_[0]}, $_[1], $_[2];
	});
	is $p->write('later'), 0;
	Pair->ticks(50);
	is $calls, 1, 'it does not spin';
	$p->say('x');
	Pair->ticks(5);
	is $p->heard, 'later';
	$p->close;
};

# A handle whose class reads and writes, as IO::Socket::SSL's are.
{
	package Rot13;
	sub TIEHANDLE { return bless { on => $_[1] }, $_[0] }
	sub FILENO { return fileno $_[0]{on} }
	sub CLOSE { return close $_[0]{on} }
	sub WRITE {
		my ($self, $bytes, $len, $offset) = @_;
		return syswrite $self->{on}, $bytes =~ tr/a-z/n-za-m/r, $len,
			$offset;
	}
	sub READ {
		my $n = sysread $_[0]{on}, $_[1], $_[2];
		$_[1] =~ tr/a-z/n-za-m/ if $n;
		return $n;
	}
}

sub make_tied {
	my $p = shift;
	open my $under, '+<&=', $p->{fd} or die;
	tie *{$p->{sock}}, 'Rot13', $under;
}

subtest 'a tied handle reads and writes through its class' => sub {
	my @got;
	my $p = Pair->new(read => sub {
		my $bytes = $_[0]->read(3);
		push @got, defined $bytes ? $$bytes : 'end';
		$_[0]->close unless defined $bytes;
	});
	is $p->write('abc'), 1;
	is $p->heard, 'abc';
	make_tied($p);
	is $p->write('abc'), 1, 'also from now on only';
	is $p->heard, 'nop';
	$p->say('nopqr');
	Pair->ticks(5);
	is join('|', @got), 'abc|de', 'event_read finds something each time';
	$p->fill;
	$p->write('tail');
	my $heard = '';
	for (1 .. 100) { $heard .= $p->heard; Pair->ticks(1) }
	like $heard, qr/^k+gnvy$/;
	@got = ();
	shutdown $p->{peer}, 1;
	Pair->ticks(3);
	is $got[-1], 'end';
	is $p->{closed}, 1;
};

subtest 'a die in the class of a tied handle leaves read and write' => sub {
	my $p = Pair->new;
	make_tied($p);
	{
		no warnings 'redefine';
		local *Rot13::READ = sub { die "read\n" };
		local *Rot13::WRITE = sub { die "write\n" };
		ok !eval { $p->read(1); 1 };
		is $@, "read\n";
		ok !eval { $p->write('x'); 1 };
		is $@, "write\n";
	}
	untie *{$p->{sock}};
	is $p->write(undef), 1, 'what was queued goes as it is';
	is $p->heard, 'x';
	$p->close;
	Pair->ticks(1);
};

subtest 'on_incomplete_write is called, and so is its super' => sub {
	our $calls = 0;
	{ package Slow; our @ISA = 'Pair';
		sub on_incomplete_write {
			$main::calls++; $_[0]->SUPER::on_incomplete_write;
		} }
	my $p = Slow->new;
	$p->fill;
	is $calls, 1;
	for (1 .. 100) { $p->heard; Pair->ticks(1) }
	is $p->{write_buf_size}, 0;
	$p->close;
};

subtest 'messages go to STDERR' => sub {
	open my $old, '>&', \*STDERR or die;
	close STDERR;
	my $said = '';
	open STDERR, '>', \$said or die;
	Danga::Socket->DebugMsg("%s %d\n", 'message', 5);
	Pair->new->debugmsg('object');
	close STDERR;
	open STDERR, '>&', $old or die;
	is $said, ">>> message 5\n>>> object\n";
	Danga::Socket->Reset;
};

subtest 'addresses are strings, and fields' => sub {
	require IO::Socket::INET;
	my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
	my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $l->sockport);
	my $s = Danga::Socket->new($l->accept);
	is $s->peer_ip_string, '127.0.0.1';
	is $s->peer_addr_string, '127.0.0.1:' . $c->sockport;
	is $s->{peer_port}, $c->sockport;
	is $s->local_addr_string, '127.0.0.1:' . $l->sockport;
	is $s->as_string, 'Danga::Socket(): open to ' . $s->peer_addr_string;
	$s->tcp_cork(1);
	is $s->{corked}, 1;
	$s->tcp_cork(0);
	$s->{peer_ip} = '[somewhere]';
	is $s->peer_ip_string, '[somewhere]', 'a program may set it';
	$s->close;
	is $s->peer_ip_string, undef;
	is $s->as_string, 'Danga::Socket(): closed';
	Pair->ticks(1);
};

done_testing;
