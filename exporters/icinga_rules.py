"""The part of Icinga's configuration that is the same everywhere: the command, templates, and apply rules.

`docs/icinga.md` says what sites may build upon: the names of the templates, rules and variables here.
"""

HEAD = "// Made by `enclume icinga config`, which replaces it. Enclume's docs/icinga.md says how to extend it.\n"

COMMANDS = (
    HEAD
    + """
if (!globals.contains("EnclumePlugin")) {
  const EnclumePlugin = "/opt/enclume/bin/enclume"
}

object CheckCommand "enclume" {
  command = [ EnclumePlugin, "check" ]
  timeout = 20s
  arguments = {
    check = { value = "$enclume_check$", skip_key = true, order = -1, required = true }
    "--host" = "$enclume_filter_host$"
    "--site" = "$enclume_filter_site$"
    "--kind" = "$enclume_filter_kind$"
    "--schedule" = "$enclume_filter_schedule$"
    "--url" = "$enclume_url$"
    "--cert" = "$enclume_cert$"
    "--key" = "$enclume_key$"
    "--ca" = "$enclume_ca$"
    "--timeout" = "$enclume_timeout$"
    "--max-age" = "$enclume_max_age$"
  }
  if (globals.contains("EnclumeUrl")) {
    vars.enclume_url = EnclumeUrl
  }
  if (globals.contains("EnclumeCert")) {
    vars.enclume_cert = EnclumeCert
  }
  if (globals.contains("EnclumeKey")) {
    vars.enclume_key = EnclumeKey
  }
  if (globals.contains("EnclumeCa")) {
    vars.enclume_ca = EnclumeCa
  }
}
"""
)


def _local(kind: str, name: str) -> str:
    """A template may be completed by one of the site's own, wherever that is defined."""
    return f"""\
  if (get_template({kind}, "{name}-local")) {{
    import "{name}-local"
  }}
"""


def _template(kind: str, name: str, *lines: str) -> str:
    body = "".join(f"  {line}\n" for line in lines)
    return f'\ntemplate {kind} "{name}" {{\n{body}{_local(kind, name)}}}\n'


def _dummy(words: str) -> tuple[str, ...]:
    return 'check_command = "dummy"', "vars.dummy_state = 0", f'vars.dummy_text = "{words}"'


TEMPLATES = HEAD + "".join(
    (
        _template(
            "Host", "enclume-host", 'check_command = "hostalive"', "max_check_attempts = 3",
            "check_interval = 1m", "retry_interval = 30s",
        ),
        _template("Host", "enclume-guest", 'import "enclume-host"'),
        _template("Host", "enclume-hypervisor", 'import "enclume-host"'),
        _template("Host", "enclume-physical", 'import "enclume-host"'),
        _template("Host", "enclume-idle", *_dummy("is not meant to run")),
        _template("Host", "enclume-site", *_dummy("a site is what stands there")),
        _template("Host", "enclume-itself", *_dummy("see its services")),
        _template(
            "Service", "enclume-service", 'check_command = "enclume"', "max_check_attempts = 3",
            "check_interval = 5m", "retry_interval = 1m",
        ),
        _template(
            "Service", "enclume-site-service", 'import "enclume-service"', "check_interval = 1m", "retry_interval = 30s"
        ),
    )
)  # fmt: skip

ITSELF = "enclume service"
"""The host object of the service itself; no certname has a blank."""

SERVICES = (
    HEAD
    + """
apply Service "enclume-" for (check => filter in host.vars.enclume_checks) {
  import "enclume-service"
  display_name = check
  vars.enclume_check = check
  vars += filter
}

apply Service "enclume-backup-" for (backup => filter in host.vars.enclume_backups) {
  import "enclume-service"
  display_name = "backup " + backup
  vars.enclume_check = "backup"
  vars += filter
}

apply Service "enclume-" for (check => filter in host.vars.enclume_site_checks) {
  import "enclume-site-service"
  display_name = check
  vars.enclume_check = check
  vars += filter
}

apply Service "enclume-answers" {
  import "enclume-site-service"
  display_name = "answers"
  vars.enclume_check = "service"
  assign where host.vars.enclume_itself
}
"""
)

DEPENDENCIES = (
    HEAD
    + f"""
apply Dependency "enclume-hypervisor" to Host {{
  parent_host_name = host.vars.enclume_hypervisor
  assign where host.vars.enclume_hypervisor
}}

apply Dependency "enclume-site" to Host {{
  parent_host_name = host.vars.enclume_site_host
  assign where host.vars.enclume_site_host && !host.vars.enclume_hypervisor
}}

// While the service cannot be asked, one alarm says so, and no check of it does.
apply Dependency "enclume-answers" to Service {{
  parent_host_name = "{ITSELF}"
  parent_service_name = "enclume-answers"
  states = [ OK, Warning, Critical ]
  assign where service.vars.enclume_check && service.vars.enclume_check != "service"
}}
"""
)
