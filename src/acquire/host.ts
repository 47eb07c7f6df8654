/** The capture of a host by a script that runs on it. */

import { captureScript, deliveredNames, plainName, settings } from './capture.js'
import type { Part, Privilege } from './plan.js'
import type { PlanRequest } from './request.js'

/** Where the script, AVML and presigned URLs are put: in memory, so that the disk stays as it is. */
export const STAGE = '/dev/shm/salvor'

/** The name of the host in names of files. */
export function hostName(request: PlanRequest): string {
  return plainName(request.name ?? request.instance ?? request.nodes[0] ?? 'host')
}

/** What the script is told on a host. */
export function hostSettings(request: PlanRequest): Record<string, string> {
  const folder = request.to.kind === 'folder' ? request.to.path : '/var/tmp'
  return {
    ...settings(request, { folder, urls: `${STAGE}/urls` }),
    SALVOR_NAME: hostName(request),
    SALVOR_AVML: request.avml?.startsWith('/') ? request.avml : `${STAGE}/avml`,
    SALVOR_WORK: STAGE,
    ...(request.region === null ? {} : { AWS_REGION: request.region }),
  }
}

export const ROOT: Privilege = {
  what: 'root on the host',
  why: 'AVML reads /proc/kcore (CAP_SYS_RAWIO) and the true addresses in /proc/iomem (CAP_SYS_ADMIN)',
  without: 'there is no image of memory',
}

/** How an image leaves the host, in the words of a checklist. */
export function deliveryNotes({ to }: PlanRequest, name: string, compress: boolean): string[] {
  switch (to.kind) {
    case 's3':
      return [
        `The image is streamed to ${to.uri} while it is read: the AWS CLI must be on the host, with a role that may put objects there and nothing else.`,
      ]
    case 'presigned':
      return [
        `${STAGE}/urls has a line "NAME URL" for each of ${deliveredNames(name, compress).join(', ')}: put it there over ssh and remove it afterwards.`,
        'The image is put together in /var/tmp first, for one PUT needs its length and takes 5 GiB at most; a larger one stays there.',
      ]
    case 'folder':
      return [
        `${to.path} should be a disk or a share that was mounted for it: a file as large as the memory overwrites deleted data of the disk that it is on.`,
      ]
    case 'claim':
      return []
  }
}

/** The script and how it gets there by ssh. */
export function hostCapture(request: PlanRequest): Part {
  const name = hostName(request)
  const secret = request.to.kind === 'presigned' ? [`ssh HOST 'umask 077; cat >${STAGE}/urls' <urls`] : []
  return {
    files: [{ name: 'capture.sh', executable: true, content: captureScript(hostSettings(request)) }],
    privileges: [ROOT],
    steps: [
      {
        what: 'Take the memory of the host',
        commands: [
          `ssh HOST 'umask 077; mkdir ${STAGE}'`,
          `scp avml capture.sh HOST:${STAGE}/`,
          ...secret,
          `ssh HOST sudo bash ${STAGE}/capture.sh 2>&1 | tee capture.log`,
          `ssh HOST rm -r ${STAGE}`,
        ],
        notes: [
          `${STAGE} is in memory: the disk of the host stays as it is. Where /dev/shm lets nothing be run, name a path with --avml.`,
          ...deliveryNotes(request, name, request.compress),
          'capture.log ends with the hash of the manifest: keep it apart from where the image goes.',
        ],
      },
    ],
    limits: [
      'A kernel in lockdown (secure boot on some distributions) lets nobody read its memory: AVML says so.',
      'The image is torn: the host goes on while it is read. `salvor info` counts how much.',
    ],
  }
}
