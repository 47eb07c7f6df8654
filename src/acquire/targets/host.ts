import { hostCapture, hostName } from '../host.js'
import { joined } from '../plan.js'
import type { Target } from './target.js'

export const host: Target = {
  name: 'host',
  summary: 'any Linux host that a shell can be had on',
  takes: ['name', 'to', 'region', 'no-compress', 'avml', 'avml-sha256'],
  needs: [['to']],
  plan: (request) =>
    joined(`Host: ${hostName(request)}`, [
      hostCapture(request),
      {
        steps: [
          {
            what: 'Then what changes more slowly',
            notes: [
              'Logs: journalctl -o export, /var/log, the audit log; of Docker `docker inspect` of all containers, of containerd `crictl inspect`.',
              'Disks: `salvor mounts` and `salvor containers` name those that hold the layers of containers; copy them whole, read-only.',
            ],
          },
        ],
      },
    ]),
}
