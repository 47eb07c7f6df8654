/** What AWS is told and asked about an instance: protection, snapshots, records. */

import { template } from './capture.js'
import type { Part, PlanFile } from './plan.js'
import type { PlanRequest } from './request.js'
import { array, exported, line, script, word } from './shell.js'

/** Sets the region for every command of a script. */
export function regionOf({ region }: PlanRequest): string {
  return region === null ? '' : exported({ AWS_REGION: region })
}

/** How a script comes by the ids of instances: as told, or from the nodes' own objects. */
function eachInstance({ instance, nodes }: PlanRequest, body: string): string {
  if (instance !== null) return `${array('instances', [instance])}for instance in "\${instances[@]}"; do\n${body}done\n`
  return `${array('nodes', nodes)}for node in "\${nodes[@]}"; do
  provider=$(kubectl get node "$node" -o 'jsonpath={.spec.providerID}')
  instance=\${provider##*/}
  case $instance in
    i-*) ;;
    *) echo "node $node is no EC2 instance: $provider" >&2; exit 1 ;;
  esac
${body}done
`
}

const PROTECT = `  echo "protecting $instance"
  aws ec2 modify-instance-attribute --instance-id "$instance" --disable-api-termination
  aws ec2 modify-instance-attribute --instance-id "$instance" --disable-api-stop
  # A shutdown from inside must not end the instance: by default of some launch templates it would.
  aws ec2 modify-instance-attribute --instance-id "$instance" --instance-initiated-shutdown-behavior stop
  # Disks outlive the instance, whatever happens to it.
  for device in $(aws ec2 describe-instances --instance-ids "$instance" --output text \\
    --query 'Reservations[].Instances[].BlockDeviceMappings[].DeviceName'); do
    aws ec2 modify-instance-attribute --instance-id "$instance" \\
      --block-device-mappings "[{\\"DeviceName\\": \\"$device\\", \\"Ebs\\": {\\"DeleteOnTermination\\": false}}]"
  done
  group=$(aws autoscaling describe-auto-scaling-instances --instance-ids "$instance" --output text \\
    --query 'AutoScalingInstances[0].AutoScalingGroupName')
  if [ "$group" != None ]; then
    aws autoscaling set-instance-protection --instance-ids "$instance" --auto-scaling-group-name "$group" \\
      --protected-from-scale-in
    # Protection from scaling in does not keep a group from replacing what it takes for unhealthy or badly placed.
    aws autoscaling suspend-processes --auto-scaling-group-name "$group" \\
      --scaling-processes ReplaceUnhealthy AZRebalance InstanceRefresh
  fi
  lifecycle=$(aws ec2 describe-instances --instance-ids "$instance" --output text \\
    --query 'Reservations[0].Instances[0].InstanceLifecycle')
  if [ "$lifecycle" = spot ]; then echo "warning: $instance is a spot instance, and AWS may take it back: be quick" >&2; fi
`

/** Protection of the instances from the cloud's own hands. */
export function protection(request: PlanRequest, name: string): Part {
  const body = `${regionOf(request)}${eachInstance(request, PROTECT)}`
  const file: PlanFile = {
    name,
    executable: true,
    content: script(['Keeps AWS from ending, stopping or replacing the instance. Changes nothing inside it.'], body),
  }
  return {
    files: [file],
    steps: [
      {
        what: 'Keep the cloud from ending the instance',
        commands: [`./${name}`],
        notes: [
          'Needs ec2:ModifyInstanceAttribute, ec2:DescribeInstances, autoscaling:DescribeAutoScalingInstances, ' +
            'autoscaling:SetInstanceProtection and autoscaling:SuspendProcesses, of the responder and not of the node.',
          'A spot instance cannot be protected. Pause infrastructure as code (Terraform, Argo CD) that would undo this.',
        ],
      },
    ],
  }
}

/** Copies of the disks, after memory: they change more slowly. */
export function snapshots(request: PlanRequest, name: string): Part {
  const tags = `ResourceType=snapshot,Tags=[{Key=salvor-case,Value=${request.case}}]`
  const description = `evidence of case ${request.case}`
  const chosen = request.volumes.map(
    (volume) =>
      `${line('aws', 'ec2', 'create-snapshot', '--volume-id', volume, '--description', description)} \\\n  --tag-specifications ${word(tags)}\n`,
  )
  const whole = eachInstance(
    request,
    `  # All disks at one moment, the root disk too: layers of containers are on it unless a disk of their own is mounted.
  aws ec2 create-snapshots --instance-specification "InstanceId=$instance,ExcludeBootVolume=false" \\
    --description ${word(description)} --copy-tags-from-source volume \\
    --tag-specifications ${word(tags)}
`,
  )
  return {
    files: [
      {
        name,
        executable: true,
        content: script(
          ['Snapshots of the disks. A snapshot does not stop the instance, and has what was written so far.'],
          `${regionOf(request)}${chosen.length === 0 ? whole : chosen.join('')}`,
        ),
      },
    ],
    steps: [
      {
        what: 'Snapshot the disks that hold the layers of containers',
        commands: [`./${name}`],
        notes: [
          'Once the image is there, `salvor mounts` names the disk behind /var/lib/containerd, /var/lib/docker or ' +
            '/var/lib/kubelet, `salvor containers` the root folder of each container on it, and `salvor block-devices` the disk itself.',
          'Instance store (NVMe that is no EBS) has no snapshots: what lies there is copied from inside, or lost at a stop.',
          'Needs ec2:CreateSnapshot, ec2:CreateSnapshots, ec2:CreateTags, and of encrypted disks the use of their key.',
        ],
      },
    ],
  }
}

/** As CloudWatch has times. */
export const MILLISECONDS = 'since_milliseconds=$(date -u -d "$since" +%s)000\n'

const AWS_RECORDS = `  record "$instance.instance.json" aws ec2 describe-instances --instance-ids "$instance" --output json
  record "$instance.volumes.json" aws ec2 describe-volumes --output json \\
    --filters "Name=attachment.instance-id,Values=$instance"
  record "$instance.interfaces.json" aws ec2 describe-network-interfaces --output json \\
    --filters "Name=attachment.instance-id,Values=$instance"
  record "$instance.console.json" aws ec2 get-console-output --instance-id "$instance" --latest --output json
  record "$instance.cloudtrail.json" aws cloudtrail lookup-events --output json --start-time "$since" \\
    --lookup-attributes "AttributeKey=ResourceName,AttributeValue=$instance"
  # What was done with the credentials of the instance's role: its name there is the id of the instance.
  record "$instance.role.cloudtrail.json" aws cloudtrail lookup-events --output json --start-time "$since" \\
    --lookup-attributes "AttributeKey=Username,AttributeValue=$instance"
`

/** CloudTrail, flow logs, CloudWatch: what is kept outside the host, and only for so long. */
export function cloudRecords(request: PlanRequest, name: string): Part {
  const groups = [
    ...(request.cluster === null ? [] : [`/aws/eks/${request.cluster}/cluster`]),
    ...request.logGroups,
    ...request.flowLogs,
  ]
  const cluster =
    request.cluster === null
      ? ''
      : `record cluster.json aws eks describe-cluster --output json --name ${word(request.cluster)}
record access-entries.json aws eks list-access-entries --output json --cluster-name ${word(request.cluster)}
record nodegroups.json aws eks list-nodegroups --output json --cluster-name ${word(request.cluster)}
`
  const events = groups.map(
    (group) =>
      `record ${word(`logs-${group}.json`)} aws logs filter-log-events --output json --log-group-name ${word(group)} \\\n  --start-time "$since_milliseconds"\n`,
  )
  const body = `${exported({ SALVOR_CASE: request.case, SALVOR_NAME: request.instance ?? request.nodes[0] ?? 'aws' })}${regionOf(request)}
${template('records.sh')}since=\${SALVOR_SINCE:-$(date -u -d '14 days ago' +%Y-%m-%dT%H:%M:%SZ)}
${groups.length === 0 ? '' : MILLISECONDS}
${eachInstance(request, AWS_RECORDS)}record trails.json aws cloudtrail describe-trails --output json
record flow-logs.json aws ec2 describe-flow-logs --output json
record log-groups.json aws logs describe-log-groups --output json
record guardduty.json aws guardduty list-detectors --output json
${cluster}${events.join('')}finish
`
  return {
    files: [
      {
        name,
        executable: true,
        content: script(
          [
            'Secures what AWS keeps of the instance, into the folder that is named. Run on the responder’s machine.',
            'SALVOR_SINCE (a time) is how far back; two weeks by default.',
          ],
          body,
        ),
      },
    ],
    steps: [
      {
        what: 'Secure what is recorded outside: audit, CloudTrail, flow logs, CloudWatch',
        commands: [`./${name} cloud-records`],
        notes: [
          'CloudTrail answers for 90 days and for management events only: what a trail writes to S3 (data events too) is ' +
            'copied from there; trails.json names the buckets.',
          'flow-logs.json says where flow logs go: to a bucket, or to a log group that --flow-logs names.',
          'A log group with a retention of days loses evidence meanwhile: aws logs delete-retention-policy --log-group-name NAME keeps it.',
          ...(request.cluster === null
            ? []
            : [
                'The audit log of the API server is in /aws/eks/…/cluster only if it was switched on: cluster.json says which logs are.',
              ]),
          '`salvor findings --evidence FILE` joins audit logs, CloudTrail and flow logs with memory.',
        ],
      },
    ],
  }
}
