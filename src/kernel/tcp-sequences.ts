/** Numbers that TCP gives to bytes: which of them a buffer of a connection can have (net/ipv4/tcp_input.c, tcp_output.c). */

/** What a connection knows: as they are in memory, in 32 bits; null where they cannot be read. */
export interface Connection {
  /** Of the first byte that was sent and not acknowledged (SND.UNA), and of the next to be sent (SND.NXT). */
  unacknowledged: number | null
  next: number | null
  /** Of the next byte that is expected (RCV.NXT). */
  expected: number | null
}

/** The numbers of a buffer's first byte and of that behind its last, and how many bytes it has. */
export interface Span {
  first: number | null
  end: number | null
  length: number
}

/** A SYN and a FIN have a number each, and no byte. */
const MOST_FLAGS = 2

/** How far one number lies behind another: they wrap, and what is more than half of all away lies before it. */
const distance = (from: number, to: number): number => (to - from) | 0

/** Whether a buffer can be in a queue of this connection; what cannot be read says nothing against it. */
export function isOfConnection(
  { unacknowledged, next, expected }: Connection,
  { first, end, length }: Span,
  queue: 'received' | 'to send' | 'unacknowledged',
): boolean {
  if (first === null || end === null) return true
  const flags = distance(first, end) - length
  if (flags < 0 || flags > MOST_FLAGS) return false
  const isBefore = (from: number, limit: number | null) => limit === null || distance(from, limit) >= 0
  switch (queue) {
    case 'received':
      return isBefore(end, expected)
    case 'to send':
      return next === null || isBefore(next, first)
    case 'unacknowledged':
      return isBefore(end, next) && (unacknowledged === null || distance(unacknowledged, end) > 0)
  }
}
