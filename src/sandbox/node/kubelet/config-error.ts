/** A pod cannot start as things are: something it refers to is missing or wrong. Tried again when that changes. */
export class ConfigError extends Error {
  /** As the kubelet calls it in the container's waiting state or in the event. */
  readonly reason: string;

  constructor(reason: "CreateContainerConfigError" | "FailedMount", message: string) {
    super(message);
    this.name = "ConfigError";
    this.reason = reason;
  }
}
