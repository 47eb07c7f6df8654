import rule from '../../../dist/plugins/rules/persistence/service-unit-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(
  rule,
  [
    '/etc/systemd/system/x.service',
    '/etc/rc.local',
    '/home/u/.config/systemd/user/x.timer',
    '/usr/lib/systemd/system/x.service',
  ],
  ['/etc/systemd/journald.conf', '/run/systemd/transient/x.scope', null],
)
