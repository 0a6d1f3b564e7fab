# The manifests of deploy/kubernetes/: each overlay renders, is what the schemas of Kubernetes allow, fits together,
# and agrees with the shim, the extension and the images.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Shim;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $json = JSON::PP->new->utf8->canonical;

sub output
{
	my ($input, @command) = @_;
	my ($out, $err) = ('', '');

	my $ok = eval { IPC::Run::run(\@command, '<', \$input, '>', \$out, '2>', \$err, IPC::Run::timeout(60)) };
	return ($ok, $out, $err);
}

plan skip_all => 'YAML::XS is not there' unless eval { require YAML::XS; 1 };
plan skip_all => 'there is no kubectl here' unless grep { -x "$_/kubectl" } split /:/, $ENV{PATH};
{
	no warnings 'once';
	$YAML::XS::Boolean = 'JSON::PP';
}

my @overlays = map { basename($_) } grep { -f "$_/kustomization.yaml" } glob "$top/deploy/kubernetes/overlays/*";
is_deeply(\@overlays, [qw(compatible compatible-existing-postgresql existing-postgresql in-cluster-postgresql)], 'the overlays');

my ($version) = slurp_file("$top/edurange.control") =~ /^default_version = '(.*)'/m;
my %routes = Edurange::Shim->routes;
my $program = $ENV{EDURANGE_SHIM};

# ---- what the shim, the extension and the images say ---------------------------------------------

# The settings in effect in an environment, as --check-config prints them.
sub check_config
{
	my (%env) = @_;

	local %ENV = (map({ $_ => $ENV{$_} } grep { !/^EDURANGE_|DATABASE_URL|^POSTGRES_/ } keys %ENV), %env);
	my ($ok, $out, $err) = output('', $program, '--check-config');
	diag $err unless $ok;
	return $ok ? map { split /=/, $_, 2 } split /\n/, $out : ();
}

my %known = check_config();
my %server_setting = map { $_ => 1 } slurp_file("$top/docs/settings.md") =~ /^\| `(edurange\.\w+)`/mg;

# The numeric user that a Dockerfile runs as, by the name of the image.
my %user = map { basename($_, '.Dockerfile') => (slurp_file($_) =~ /^USER (\d+):\d+$/m)[0] }
  glob "$top/deploy/containers/*.Dockerfile";
is_deeply([ sort keys %user ], [qw(edurange-postgresql edurange-shim)], 'the images');
for my $file (glob "$top/deploy/containers/*.Dockerfile")
{
	my $text = slurp_file($file);

	like($text, qr/^HEALTHCHECK .*CMD \[/m, basename($file) . ': somebody can ask whether it lives');
	like($text, qr{^COPY --from=build \S+\.deb /packages/$}m, basename($file) . ': of what was built it copies its own package');
}

# ---- what a manifest has -------------------------------------------------------------------------
sub pod_template { return $_[0]{spec}{template}; }

sub selects
{
	my ($selector, $labels) = @_;

	return 0 unless %$selector;
	return !grep { ($labels->{$_} // '') ne $selector->{$_} } keys %$selector;
}

# Does the selector of a policy mean pods with these labels?
sub is_for
{
	my ($policy, $labels) = @_;
	my $selector = $policy->{spec}{podSelector};

	for my $expression (@{ $selector->{matchExpressions} // [] })
	{
		die "operator $expression->{operator}" unless $expression->{operator} eq 'In';
		return 0 unless grep { $_ eq ($labels->{ $expression->{key} } // '') } @{ $expression->{values} };
	}
	return exists $selector->{matchLabels} ? selects($selector->{matchLabels}, $labels) : exists $selector->{matchExpressions};
}

# The ports of a container by name.
sub ports { return map { $_->{name} => $_->{containerPort} } @{ $_[0]{ports} // [] }; }

sub is_safe
{
	my ($name, $pod, $container) = @_;
	my ($outer, $inner) = ($pod->{securityContext}, $container->{securityContext});
	my ($image) = $container->{image} =~ m{^registry\.example\.org/([a-z-]+):\Q$version\E$};

	ok(defined $image && exists $user{$image}, "$name: its image is one of ours, of this version")
	  or return diag $container->{image};
	is($outer->{runAsUser}, $user{$image}, "$name: it runs as the user of the image");
	ok($outer->{runAsNonRoot}, "$name: which is not root");
	is($outer->{seccompProfile}{type}, 'RuntimeDefault', "$name: seccomp");
	ok($inner->{readOnlyRootFilesystem}, "$name: its root filesystem is read-only");
	is($inner->{allowPrivilegeEscalation}, JSON::PP::false, "$name: no more privileges");
	is_deeply($inner->{capabilities}, { drop => ['ALL'] }, "$name: no capabilities");
	is($pod->{automountServiceAccountToken}, JSON::PP::false, "$name: no account at Kubernetes");
	ok($container->{resources}{$_}{cpu} && $container->{resources}{$_}{memory}, "$name: $_") for qw(requests limits);
	for my $variable (@{ $container->{env} })
	{
		my $value = $variable->{value} // '';
		unlike($value, qr{://}, "$name: $variable->{name} is no secret in clear");
		unlike($variable->{name}, qr/PASSWORD$|_URL$/, "$name: $variable->{name} is no secret in the environment");
		is(scalar(grep { index($value, "$_->{mountPath}/") == 0 } @{ $container->{volumeMounts} }), 1, "$name: $variable->{name} is mounted")
		  if $variable->{name} =~ /_FILE$/;
	}
	for my $volume (@{ $pod->{volumes} // [] })
	{
		ok($volume->{emptyDir}{sizeLimit}, "$name: volume $volume->{name} has a limit") if exists $volume->{emptyDir};
	}
	my %volumes = map { $_->{name} => 1 } @{ $pod->{volumes} // [] };
	return \%volumes;
}

# A container of the shim: its settings, ports, probes and end.
sub is_shim
{
	my ($name, $pod, $container) = @_;
	my %env = map { $_->{name} => $_->{value} } @{ $container->{env} };
	my %ports = ports($container);
	my $secret = "$PostgreSQL::Test::Utils::tmp_check/database-url";

	append_to_file($secret, "postgresql://edurange_shim_{tier}:x\@h/edurange\n") unless -e $secret;
	for my $variable (sort keys %env)
	{
		(my $setting = $variable) =~ s/_FILE$//;
		ok(exists $known{$setting}, "$name: $variable is a setting of the shim");
	}
	my ($mount) = grep { index($env{DATABASE_URL_FILE}, "$_->{mountPath}/") == 0 } @{ $container->{volumeMounts} };
	ok($mount, "$name: the file with the URL is mounted");
	my ($volume) = grep { $_->{name} eq $mount->{name} } @{ $pod->{volumes} };
	is("$mount->{mountPath}/$volume->{secret}{items}[0]{path}", $env{DATABASE_URL_FILE}, "$name: under that name");
	my %effect = check_config(%env, DATABASE_URL_FILE => $secret);
	is($effect{DATABASE_URL}, '(set by a file)', "$name: the shim takes its settings");
	is($effect{$_}, $env{$_}, "$name: $_") for grep { !/_FILE$/ } sort keys %env;
	is($effect{EDURANGE_HOST}, '::', "$name: it listens to others");
	is($ports{http}, $effect{EDURANGE_PORT}, "$name: its port");
	is($ports{metrics}, $effect{EDURANGE_METRICS_PORT}, "$name: that of its metrics");
	is($container->{resources}{limits}{cpu}, $effect{EDURANGE_THREADS}, "$name: a loop for each CPU");
	# the sum of docs/deployment.md
	cmp_ok(($container->{resources}{limits}{memory} =~ /^(\d+)Mi$/)[0], '>=', 480 + 3 * (($effect{EDURANGE_BODY_BUDGET} >> 20) - 64), "$name: memory for all at once");
	my ($folder) = map { $_->{emptyDir}{sizeLimit} // () } grep { $_->{name} eq 'files' } @{ $pod->{volumes} };
	cmp_ok((($folder // '') =~ /^(\d+)Gi$/)[0] << 30, '>', $effect{EDURANGE_FILE_BUDGET}, "$name: room for all files");
	for my $probe (qw(startupProbe livenessProbe readinessProbe))
	{
		my $get = $container->{$probe}{httpGet};
		is($routes{"GET $get->{path}"}, 'none', "$name: $probe asks a route that needs no token");
		is($get->{port}, 'http', "$name: $probe at its port");
	}
	is($container->{readinessProbe}{httpGet}{path}, '/ready', "$name: ready");
	is($container->{livenessProbe}{httpGet}{path}, '/live', "$name: live");
	cmp_ok(
		$pod->{terminationGracePeriodSeconds}, '>',
		$effect{EDURANGE_DRAIN_TIMEOUT} + $container->{lifecycle}{preStop}{exec}{command}[1],
		"$name: time to finish");
	return \%effect;
}

# The connections that the shims may take of the server at most, rollouts included: docs/deployment.md has the sum.
sub connections
{
	my ($effect, $scaler, $workload) = @_;
	my $share = int($effect->{EDURANGE_POOL_SIZE} / $effect->{EDURANGE_THREADS});
	my ($tiers, $kinds, $of_nobody, $for_all) = (3, 3, 1, 4);
	my $in_a_rollout = $workload->{spec}{strategy}{rollingUpdate}{maxSurge} + 1; # one is going

	$share = $effect->{EDURANGE_POOL_SIZE} > 1 ? 2 : 1 if $share < 2;
	return ($scaler->{spec}{maxReplicas} + $in_a_rollout) * $effect->{EDURANGE_THREADS} * (($tiers * $kinds + $of_nobody) * $share + $for_all);
}

# The server's settings among its arguments.
sub server_settings
{
	my ($name, $container) = @_;
	my %settings;
	my @arguments = @{ $container->{args} };

	while (my ($flag, $setting) = splice(@arguments, 0, 2))
	{
		my ($key, $value) = split /=/, $setting, 2;
		is($flag, '-c', "$name: an argument is a setting");
		ok($key !~ /\./ || $server_setting{$key}, "$name: $key is one that there is");
		$settings{$key} = $value;
	}
	return \%settings;
}

# ---- each overlay --------------------------------------------------------------------------------
my (%tiers, %server, %connections, %documents, %encoded);
for my $overlay (@overlays)
{
	my ($ok, $yaml, $err) = output('', 'kubectl', 'kustomize', "$top/deploy/kubernetes/overlays/$overlay");
	ok($ok, "$overlay renders") or next;
	is($err, '', "$overlay: without a warning");
	my @documents = YAML::XS::Load($yaml);
	$documents{$overlay} = \@documents;
	$encoded{$overlay} = $json->encode(\@documents); # now, while numbers are numbers
	my %by_kind;
	push @{ $by_kind{ $_->{kind} } }, $_ for @documents;
	my @workloads = map { @{ $by_kind{$_} // [] } } qw(Deployment StatefulSet Job);
	my @templates = map { pod_template($_) } @workloads;
	my %ids;
	$ids{"$_->{kind} $_->{metadata}{name}"}++ for @documents;

	ok(!(grep { $_ > 1 } values %ids), "$overlay: no name twice");
	ok(!exists $by_kind{Secret}, "$overlay: no secret in it");
	ok(!exists $by_kind{Ingress}, "$overlay: no way in from outside");
	for my $workload (@workloads)
	{
		my $name = "$overlay: $workload->{metadata}{name}";
		my $pod = pod_template($workload)->{spec};
		my $selector = $workload->{spec}{selector}{matchLabels};

		is(scalar(grep { selects($selector, $_->{metadata}{labels}) } @templates), 1, "$name: it has its pods to itself")
		  if defined $selector;
		for my $container (@{ $pod->{containers} })
		{
			my $volumes = is_safe($name, $pod, $container);
			$volumes->{ $_->{metadata}{name} } = 1 for @{ $workload->{spec}{volumeClaimTemplates} // [] };
			is_deeply(
				[ sort map { $_->{name} } @{ $container->{volumeMounts} // [] } ],
				[ sort keys %$volumes ],
				"$name: its volumes are mounted");
			$server{$overlay} = server_settings($name, $container) if $workload->{kind} eq 'StatefulSet';
			next unless $container->{image} =~ /shim/;
			my $effect = is_shim($name, $pod, $container);
			$tiers{$overlay}{ $workload->{metadata}{name} } = $effect->{EDURANGE_ANONYMOUS_TIER};
			like($effect->{EDURANGE_ANONYMOUS_TIER}, qr/^(none|player)$/, "$name: nobody without a token is more than a player");
			$connections{$overlay} += connections($effect, @{ $by_kind{HorizontalPodAutoscaler} }, $workload);
			cmp_ok($workload->{spec}{minReadySeconds}, '>=',
				$effect->{EDURANGE_DRAIN_TIMEOUT} + $container->{lifecycle}{preStop}{exec}{command}[1],
				"$name: in a rollout one is gone before the next one goes");
			is($workload->{spec}{template}{metadata}{labels}{app}, 'database-controller', "$name: as the platform's installer looks for it");
		}
		is($workload->{spec}{template}{metadata}{labels}{'app.kubernetes.io/part-of'}, 'edurange', "$name: its pods are ours");
		ok(!exists $_->{metadata}{labels}, "$name: no label is in a template that can never be changed")
		  for @{ $workload->{spec}{volumeClaimTemplates} // [] };
	}
	for my $service (@{ $by_kind{Service} })
	{
		my $name = "$overlay: $service->{metadata}{name}";
		my @pods = grep { selects($service->{spec}{selector}, $_->{metadata}{labels}) } @templates;

		is(scalar @pods, 1, "$name: it leads to one kind of pods");
		is($service->{spec}{type} // 'ClusterIP', 'ClusterIP', "$name: inside the cluster");
		my %ports = ports($pods[0]{spec}{containers}[0]);
		ok(exists $ports{ $_->{targetPort} }, "$name: to a port that they have") for @{ $service->{spec}{ports} };
		is("$service->{spec}{ports}[0]{port} $ports{http}", '80 8000', "$name: the port that clients know")
		  if $service->{metadata}{name} =~ /^database-api/;
	}
	ok($ids{'Service database-api-service'}, "$overlay: the address that clients know");
	for my $scaler (@{ $by_kind{HorizontalPodAutoscaler} })
	{
		my $target = $scaler->{spec}{scaleTargetRef};
		is($target->{name}, $scaler->{metadata}{name}, "$overlay: a scaler scales its own");
		ok($ids{"$target->{kind} $target->{name}"}, "$overlay: which is there");
	}
	for my $budget (@{ $by_kind{PodDisruptionBudget} })
	{
		is(scalar(grep { selects($budget->{spec}{selector}{matchLabels}, $_->{metadata}{labels}) } @templates),
			1, "$overlay: budget $budget->{metadata}{name}");
	}
	for my $policy (@{ $by_kind{NetworkPolicy} })
	{
		my @pods = grep { is_for($policy, $_->{metadata}{labels}) } @templates;
		my %ports = map { ports($_->{spec}{containers}[0]) } @pods;
		ok(@pods > 0, "$overlay: policy $policy->{metadata}{name} is for somebody");
		for my $rule (@{ $policy->{spec}{ingress} // [] })
		{
			ok(exists $ports{ $_->{port} }, "$overlay: policy $policy->{metadata}{name}: port $_->{port}") for @{ $rule->{ports} };
		}
	}
	for my $template (@templates)
	{
		my $name = "$overlay: pods $template->{metadata}{labels}{'app.kubernetes.io/name'}";
		my @policies = grep { is_for($_, $template->{metadata}{labels}) } @{ $by_kind{NetworkPolicy} };

		for my $direction (qw(Ingress Egress))
		{
			ok((grep { grep { $_ eq $direction } @{ $_->{spec}{policyTypes} } } @policies), "$name have a policy of $direction");
		}
		my @outward = map { @{ $_->{spec}{egress} // [] } } @policies;
		is_deeply([ sort map { "$_->{protocol} $_->{port}" } map { exists $_->{to} ? () : @{ $_->{ports} } } @outward ],
			[ map { ("$_ 53", "$_ 5353") } qw(TCP UDP) ], "$name reach name servers, whatever address these have, and nothing else so");
	}
}

# ---- who may do what -----------------------------------------------------------------------------
is_deeply(
	\%tiers,
	{
		'existing-postgresql' => { 'database-controller-api' => 'none' },
		'in-cluster-postgresql' => { 'database-controller-api' => 'none' },
		map { $_ => { 'database-controller-api' => 'player' } } qw(compatible compatible-existing-postgresql)
	},
	'tiers without a token');
is($server{'in-cluster-postgresql'}{'edurange.webos_compatibility'}, undef, 'compatibility is off');
is($server{compatible}{'edurange.webos_compatibility'}, 'on', 'and on where it is wanted');

# Three are kept for superusers; the Job, a monitor, a backup, a session of somebody.  Without a setting a server has 100.
is_deeply([ map { my $of = $server{$_}{max_connections} // 100; $connections{$_} + 3 + 5 <= $of ? () : "$_: $connections{$_} of $of" } @overlays ],
	[], 'the connections that the server has are enough');

# A kustomization that writes labels would write them where they can never be changed.
for my $file (split /\n/, (output('', 'find', "$top/deploy/kubernetes", '-name', 'kustomization.yaml'))[1])
{
	unlike(slurp_file($file), qr/^(labels|commonLabels|namePrefix|nameSuffix):/m, basename(dirname($file)) . ' renames and labels nothing');
}

# Whom the policies admit to a port of the shim's pods.
sub admitted
{
	my ($overlay, $port) = @_;
	my @admitted;

	for my $policy (grep { $_->{kind} eq 'NetworkPolicy' } @{ $documents{$overlay} })
	{
		next unless is_for($policy,
			{ map { ("app.kubernetes.io/$_->[0]" => $_->[1]) } [ name => 'edurange-shim' ], [ component => 'api' ], [ 'part-of' => 'edurange' ] });
		for my $rule (grep { grep { $_->{port} eq $port } @{ $_->{ports} } } @{ $policy->{spec}{ingress} // [] })
		{
			push @admitted, map { $json->encode($_) } @{ $rule->{from} };
		}
	}
	return [ sort @admitted ];
}

my $client = '{"podSelector":{"matchLabels":{"edurange.cloud/database-api":"client"}}}';
is_deeply(admitted($_, 'http'), [$client], "$_: labelled clients alone")
  for qw(existing-postgresql in-cluster-postgresql);
for my $overlay (qw(compatible compatible-existing-postgresql))
{
	is_deeply(
		admitted($overlay, 'http'),
		[ map({ qq({"podSelector":{"matchLabels":{"app":"$_"}}}) } qw(ctfchal dashboard monitoring-service)), $client ],
		"$overlay: also the pods of the platform");
}

# ---- the schemas of Kubernetes -------------------------------------------------------------------
SKIP:
{
	my $folder = "$top/test/kubernetes";
	skip 'kubernetes-models is not installed', 1 unless -d "$folder/node_modules/kubernetes-models";
	my @all = map { @{ $json->decode($encoded{$_}) } } @overlays;
	my ($ok, $out, $err) = output($json->encode(\@all), 'node', "$folder/schemas.mjs");
	is_deeply($ok ? $json->decode($out) : $err, [], 'every document is what its schema says');
	# that it would find something
	$all[0]{spec}{nonsense} = 1;
	$all[1]{metadata}{name} = 5;
	($ok, $out) = output($json->encode(\@all), 'node', "$folder/schemas.mjs");
	is($ok ? scalar(@{ $json->decode($out) }) : 'an error', 2, 'and mistakes are found');
}

done_testing();
