"""The configuration of the tests' Puppet Server: Debian's, in a folder of its own, without what tests do not need."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

DEBIAN = Path("/etc/puppet/puppetserver")
MANUAL = Path(__file__).resolve().parents[2] / "docs/hiera.md"

_PUPPET_CONF = """\
[main]
certname = localhost
server = localhost
serverport = {port}
confdir = {folder}/confdir
codedir = {folder}/code
vardir = {folder}/var
ssldir = {folder}/ssl
basemodulepath = {folder}/modules
keylength = 2048
[server]
cadir = {folder}/ca
autosign = true
node_terminus = exec
external_nodes = {folder}/enc
reports = store
reportdir = {folder}/reports
environment_timeout = 0
{settings}
"""
_WEBSERVER = """\
webserver: {{
    access-log-config: {folder}/request-logging.xml
    client-auth: want
    ssl-host: 127.0.0.1
    ssl-port: {port}
}}
"""
_PUPPETSERVER = """\
jruby-puppet: {{
    ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby]
    gem-home: {folder}/gems
    gem-path: [{folder}/gems, "/usr/lib/puppetserver/vendored-jruby-gems"]
    server-conf-dir: {folder}/confdir
    server-code-dir: {folder}/code
    server-var-dir: {folder}/var
    server-run-dir: {folder}/run
    server-log-dir: {folder}/log
    max-active-instances: 1
}}
http-client: {{}}
profiler: {{ enabled: false }}
"""
_GLOBAL = "global: {{ logging-config: {folder}/logback.xml }}\n"
_LOGBACK = """\
<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>{folder}/log/server.log</file>
    <encoder><pattern>%d %-5p %c %m%n</pattern></encoder>
  </appender>
  <root level="info"><appender-ref ref="FILE"/></root>
</configuration>
"""
_REQUEST_LOGGING = "<configuration></configuration>\n"
# It asks the internet for newer versions.
_UNWANTED_SERVICE = "analytics-service"


def classes_rule() -> str:
    """The rule that docs/hiera.md gives, for this service's name in the tests."""
    (rule,) = re.findall(r"    (\{ match-request: .*?\},)\n\n", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    return str(rule).replace("enclume.example.org", "enclume.lab.test") + "\n"


def write(folder: Path, port: int, settings: Mapping[str, object]) -> None:
    """Write everything that a Puppet Server reads below `folder`, but for certificates and code."""
    for name in ("confdir", "conf.d", "services.d", "code", "var", "run", "log", "gems", "ssl"):
        (folder / name).mkdir()
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    (folder / "confdir/puppet.conf").write_text(_PUPPET_CONF.format(folder=folder, port=port, settings=lines))
    (folder / "conf.d/webserver.conf").write_text(_WEBSERVER.format(folder=folder, port=port))
    (folder / "conf.d/puppetserver.conf").write_text(_PUPPETSERVER.format(folder=folder))
    (folder / "conf.d/global.conf").write_text(_GLOBAL.format(folder=folder))
    (folder / "logback.xml").write_text(_LOGBACK.format(folder=folder))
    (folder / "request-logging.xml").write_text(_REQUEST_LOGGING)
    for name in ("auth.conf", "ca.conf", "web-routes.conf", "metrics.conf"):
        shutil.copy(DEBIAN / "conf.d" / name, folder / "conf.d")
    shutil.copy(DEBIAN / "services.d/ca.cfg", folder / "services.d")
    auth = folder / "conf.d/auth.conf"
    auth.write_text(auth.read_text().replace("rules: [", f"rules: [\n{classes_rule()}", 1))
    services = (DEBIAN / "services.d/bootstrap.cfg").read_text().splitlines()
    wanted = [service for service in services if _UNWANTED_SERVICE not in service]
    (folder / "services.d/bootstrap.cfg").write_text("\n".join(wanted) + "\n")
