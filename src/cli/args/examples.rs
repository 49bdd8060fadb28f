//! Examples below the help on a command: what people type, and what for.

/// `kitchen` itself.
pub const ALL: &str = "
Examples:
  kitchen test                     test everything
  kitchen test web-debian-12       one cluster or instance
  kitchen test 'web-.*' -c 4       all that match, four at once
  kitchen test --destroy=never     keep the machines, then:
  kitchen test --no-recreate --resume
                                   go on at the step that failed
  kitchen -C path/to/project list

Exit codes: `kitchen help exit-codes`.";

/// `test`.
pub const TEST: &str = "\
Examples:
  kitchen test                            everything; what passed is removed
  kitchen test shop-debian-12 --destroy=never
                                          keep the machines, to look at them
  kitchen test --no-recreate --resume     go on at the step that failed
  kitchen test shop --from 3 --until failover
                                          some of a cluster's steps
  kitchen test -c 4 --junit junit.xml --html report.html
                                          for a build server

What a step can be: `kitchen help steps`. Exit codes: `kitchen help exit-codes`.";

/// `plan`.
pub const PLAN: &str = "\
Examples:
  kitchen plan shop                  members, phases, steps, and where each value was written
  kitchen plan shop --for converge   of another command than `test`
  kitchen plan --from 3              as `test --from 3` would begin";

/// `report`.
pub const REPORT: &str = "\
Examples:
  kitchen report                     the newest run: what failed, with its last output
  kitchen report 0c5f -f junit       an earlier one, by the beginning of its id
  kitchen report -f html -o report.html";

/// `list`.
pub const LIST: &str = "\
Examples:
  kitchen list                 clusters, or instances where there are none
  kitchen list --bare 'web.*'  names only, for scripts
  kitchen list --json --live   what the machines are doing now, for programs";

/// `diagnose`.
pub const DIAGNOSE: &str = "\
Examples:
  kitchen diagnose web-debian-12   one instance: every setting with its default
  kitchen diagnose --all           files and plugins as well, for a report of a fault
  kitchen diagnose --loader --no-instances
                                   what the files hold, rendered and merged";

/// `create`, `converge`, `setup`, `verify`, `destroy`.
pub const ACT: &str = "\
An instance goes from where it is to this action: create, converge, setup, verify. An action that it
has had is done again, alone.

Examples:
  kitchen converge web-debian-12     one cluster or instance
  kitchen converge 'web|db' -c 4     all that match, four at once
  kitchen converge -c                all, at once

Exit codes tell what failed: `kitchen help exit-codes`.";

/// `gc`.
pub const GC: &str = "\
Examples:
  kitchen gc                           what there is, why, and since when; changes nothing
  kitchen gc --yes --older-than 6h     in a nightly job
  kitchen gc --json | jq '.things[] | select(.fate == \"left\")'
Exit code 0 also where something was left behind; 20 where a driver could not be asked that the
configuration uses, or something could not be removed.";

/// `login`.
pub const LOGIN: &str = "\
Examples:
  kitchen login web-debian-12
  kitchen login web            where only one instance matches
The exit code is the shell's.";

/// `exec`.
pub const EXEC: &str = "\
Examples:
  kitchen exec web-debian-12 -c 'systemctl status nginx'
  kitchen exec shop -c 'getent hosts db'    on every living member of a cluster
Exit code 10 where the command failed anywhere.";

/// `doctor`.
pub const DOCTOR: &str = "\
Examples:
  kitchen doctor         the first cluster or instance: tools, engines, states
  kitchen doctor --all   all of them
Exit code 1 where something is missing.";

/// `validate`.
pub const VALIDATE: &str = "\
Examples:
  kitchen validate               each problem with its line, an excerpt and what to write
  kitchen validate --strict      for a pipeline: warnings fail as well
  kitchen validate --json        for editors
Exit code 0: no errors; 3: errors, with `--strict` also warnings.";

/// `logs`.
pub const LOGS: &str = "\
Examples:
  kitchen logs web-debian-12 --level warn
  kitchen logs shop                  all members of a cluster
  kitchen logs web-debian-12 -f      go on while it converges elsewhere
  kitchen logs --all-sessions --format ndjson | jq .message";

/// `migrate`.
pub const MIGRATE: &str = "\
Looks into rake and make tasks, shell scripts, pipelines and the README for `kitchen converge a`,
`kitchen converge b`, also in loops.

Example:
  kitchen migrate > proposal.yml
Exit code 3 where the configuration has errors.";

/// `console`.
pub const CONSOLE: &str = "\
At the prompt: `use NAME`, `steps`, `next`, `skip`, `continue`, `facts`, `exec [NAME] COMMAND`,
`login`, `quit`, and every other command of kitchen. Tab completes; lines are remembered in
.kitchen/console_history.

Examples:
  kitchen console shop
  printf 'next\\nfacts\\n' | kitchen console shop";

/// `init`.
pub const INIT: &str = "\
Examples:
  kitchen init --driver docker --provisioner shell
  kitchen init && kitchen validate && kitchen list";
