# Makes git send-email's clock and process id stand still, so that its Date and Message-ID come out the same.
package send_clock;
BEGIN {
	my $now = $ENV{SEND_CLOCK};
	*CORE::GLOBAL::time = sub () { $now };
	$$ = 4711;
}
1;
