import rule from '../../../dist/plugins/rules/persistence/network-plugin-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(
  rule,
  ['/opt/cni/bin/bridge', '/usr/libexec/kubernetes/kubelet-plugins/volume/exec/x/x'],
  ['/etc/cni/net.d/10-x.conf', '/opt/cni/x', null],
)
