# Real Sqitch, loaded once and forked for each command: most of what a short command takes is the loading.
#
# Reads a request per line from standard input (JSON: argv, cwd, environ, and files for stdin, stdout and stderr) and
# answers it with the exit code. What a fork does is what /usr/bin/sqitch does. To be run with perl -w -CAS, as that is.
use strict;
use JSON::PP ();
use POSIX ();

my $PROGRAM = shift @ARGV;
my %before  = %ENV;
require App::Sqitch;
my ($home) = grep { -d "$_/App/Sqitch" } @INC;
for (glob "$home/App/Sqitch/*.pm $home/App/Sqitch/Command/*.pm $home/App/Sqitch/Engine/{pg,sqlite,mysql}.pm") {
    s{^\Q$home/\E}{};
    require $_;
}
eval "require $_" for qw(DBD::Pg DBD::SQLite DBD::mysql DateTime::TimeZone::UTC Template);
my %loading = map { $_ => $ENV{$_} } grep { !exists $before{$_} } keys %ENV;    # some modules leave something there

$| = 1;
while (my $line = <STDIN>) {
    my $request = JSON::PP->new->decode($line);
    my $pid = fork() // die "Cannot fork: $!";
    run($request) unless $pid;
    waitpid $pid, 0;
    print $? & 127 ? -($? & 127) : $? >> 8, "\n";
}

sub run {
    my $request = shift;
    $| = 0;
    open STDIN,  '<:utf8', $request->{stdin}  or die $!;
    open STDOUT, '>:utf8', $request->{stdout} or die $!;
    open STDERR, '>:utf8', $request->{stderr} or die $!;
    STDERR->autoflush;
    utf8::encode($_) for values %{ $request->{environ} }, $request->{cwd};
    %ENV = (%loading, %{ $request->{environ} });
    chdir $request->{cwd} or die "$request->{cwd}: $!";
    @ARGV = @{ $request->{argv} };
    $0 = $PROGRAM;
    srand;
    POSIX::tzset();
    POSIX::setlocale(POSIX::LC_ALL(), '');
    my $code = eval { App::Sqitch->go };
    # An exception ends a Perl program with the last error number, which is 0 after what Sqitch then loads, or with 255.
    exit $code unless $@;
    print STDERR $@;
    exit 255;
}
