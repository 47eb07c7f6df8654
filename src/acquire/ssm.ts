/** The same capture by Systems Manager, where nobody may log in: a document of schema 2.2 and what sends it. */

import { regionOf } from './aws.js'
import { captureScript } from './capture.js'
import { hostSettings, STAGE } from './host.js'
import type { Part } from './plan.js'
import type { PlanRequest } from './request.js'
import { line, script, word } from './shell.js'

/** As long as the memory of a large instance takes, in seconds. */
const TIMEOUT = 21_600
/** A line that is in no script. */
const END = 'SALVOR_END_OF_CAPTURE'

/** The document. It has no parameters: nothing can be put into what runs as root. */
export function ssmDocument(request: PlanRequest): string {
  const { avml } = request
  const fetch = avml?.startsWith('s3://')
    ? `aws s3 cp --only-show-errors ${word(avml)} ${STAGE}/avml\nchmod 700 ${STAGE}/avml\n`
    : ''
  const told = { ...hostSettings(request), ...(request.to.kind === 's3' ? { SALVOR_METADATA: '1' } : {}) }
  const run = `#!/bin/bash
set -euo pipefail
umask 077
mkdir ${STAGE}
trap 'rm -rf ${STAGE}' EXIT
${fetch}cat >${STAGE}/capture.sh <<'${END}'
${captureScript(told)}${END}
bash ${STAGE}/capture.sh
`
  const step = {
    action: 'aws:runShellScript',
    name: 'capture',
    precondition: { StringEquals: ['platformType', 'Linux'] },
    inputs: { timeoutSeconds: String(TIMEOUT), runCommand: run.trimEnd().split('\n') },
  }
  const description = `Takes memory for case ${request.case}: AVML, streamed, with a manifest`
  return `${JSON.stringify({ schemaVersion: '2.2', description, mainSteps: [step] }, null, 2)}\n`
}

export function ssmCapture(request: PlanRequest): Part {
  const name = `salvor-capture-${request.case.replace(/[^\w.-]/g, '_')}`
  const send = script(
    ['Sends the document to the instance and waits for it. Run on the responder’s machine.'],
    `${regionOf(request)}instance=${word(request.instance ?? '')}
${line('aws', 'ssm', 'create-document', '--name', name, '--document-type', 'Command')} \\
  --document-format JSON --content file://2-ssm-document.json
command=$(${line('aws', 'ssm', 'send-command', '--document-name', name)} --instance-ids "$instance" \\
  --timeout-seconds 600 --query Command.CommandId --output text)
state=Pending
while [ "$state" = Pending ] || [ "$state" = InProgress ] || [ "$state" = Delayed ]; do
  sleep 15
  state=$(aws ssm get-command-invocation --command-id "$command" --instance-id "$instance" \\
    --plugin-name capture --query Status --output text || echo Pending)
  echo "$state" >&2
done
# The capture says what it did on standard error; the hash of the manifest is there.
aws ssm get-command-invocation --command-id "$command" --instance-id "$instance" --plugin-name capture \\
  --query StandardErrorContent --output text | tee capture.log
[ "$state" = Success ]
`,
  )
  return {
    files: [
      { name: '2-ssm-document.json', content: ssmDocument(request) },
      { name: '2-send.sh', executable: true, content: send },
    ],
    privileges: [
      {
        what: 'ssm:CreateDocument, ssm:SendCommand to this instance and ssm:GetCommandInvocation, of the responder',
        why: 'the agent on the instance runs the script as root; nobody logs in, and CloudTrail records who asked',
        without: 'run capture.sh by ssh instead',
      },
      ...(request.to.kind === 's3'
        ? [
            {
              what: `s3:PutObject and s3:AbortMultipartUpload below ${request.to.uri}, of the instance’s role`,
              why: 'the image is streamed into the bucket while it is read; nothing of it touches the disk',
              without: 'deliver by presigned URLs',
            },
          ]
        : []),
      {
        what: 'the instance’s identity document from its metadata service',
        why: 'it names instance, image and account beside the memory; nothing below iam/, where credentials are, is asked for',
        without: 'the manifest names the host only',
      },
    ],
    steps: [
      {
        what: 'Or by Systems Manager, where nobody can or should log in',
        commands: ['./2-send.sh'],
        notes: [
          'One of both, not both: each capture changes memory. 2-ssm-document.json has the same script as capture.sh, and no parameters.',
          'The agent may be stopped or deceived by whoever holds the host as root; then only snapshots are left.',
        ],
      },
    ],
  }
}
