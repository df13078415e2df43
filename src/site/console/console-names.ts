/** Names of the console in a cluster that the controller, the command line and the pod agree on. */

/** Deployment, Service, Secret and service account. */
export const CONSOLE = "isthmus-console";
/** Headless Service whose EndpointSlices tell the console where the routers are. */
export const CONSOLE_ROUTERS = "isthmus-console-routers";
export const CONSOLE_PORT = 8460;
/** Where the pod keeps history. */
export const CONSOLE_DATA_DIR = "/var/lib/isthmus";
