import rule from '../../../dist/plugins/rules/persistence/scheduled-job-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(
  rule,
  ['/etc/cron.d/x', '/var/spool/cron/crontabs/root', '/etc/crontab', '/etc/cron.daily/.x'],
  ['/etc/cron.d/.placeholder', '/srv/etc/cron.d/x', '/etc/cron.allow', null],
)
