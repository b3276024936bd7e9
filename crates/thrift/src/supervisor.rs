//! The service of a Supervisor.

use crate::types::{Assignment, SupervisorAssignments, SupervisorWorkerHeartbeat};

thrift_service! {
    Supervisor SupervisorClient SupervisorHandler SupervisorService {
        /// Nimbus -> supervisor push.
        sendSupervisorAssignments send_supervisor_assignments(1 required assignments "assignments" SupervisorAssignments) -> (), throws(1 aze AuthorizationException);
        /// Worker -> supervisor.
        getLocalAssignmentForStorm get_local_assignment_for_storm(1 required id "id" String) -> Assignment, throws(1 e NotAliveException, 2 aze AuthorizationException);
        /// By worker, when its supervisor cannot be reached.
        sendSupervisorWorkerHeartbeat send_supervisor_worker_heartbeat(1 required heartbeat "heartbeat" SupervisorWorkerHeartbeat) -> (), throws(1 aze AuthorizationException);
    }
}
