import { SalvorError } from './errors.js'

/** Ends what takes longer than it may, from the moment on that it begins. */
export class TimeLimit {
  private readonly controller = new AbortController()
  private timer: NodeJS.Timeout | undefined

  /** Undefined lets it take as long as it takes. */
  constructor(private readonly seconds: number | undefined) {}

  /** Aborts with the error that says so. */
  get signal(): AbortSignal | undefined {
    return this.seconds === undefined ? undefined : this.controller.signal
  }

  begin(): void {
    const { seconds, controller } = this
    if (seconds === undefined) return
    const error = new SalvorError('LIMIT', `it takes longer than --timeout allows (${seconds} s)`)
    this.timer = setTimeout(() => controller.abort(error), seconds * 1000)
  }

  end(): void {
    clearTimeout(this.timer)
  }
}
