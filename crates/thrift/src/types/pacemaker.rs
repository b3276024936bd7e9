//! Pacemaker (optional daemon; deprecated).

use bytes::Bytes;

thrift_enum! {
    HBServerMessageType {
        CreatePath = 0 "CREATE_PATH",
        CreatePathResponse = 1 "CREATE_PATH_RESPONSE",
        Exists = 2 "EXISTS",
        ExistsResponse = 3 "EXISTS_RESPONSE",
        SendPulse = 4 "SEND_PULSE",
        SendPulseResponse = 5 "SEND_PULSE_RESPONSE",
        GetAllPulseForPath = 6 "GET_ALL_PULSE_FOR_PATH",
        GetAllPulseForPathResponse = 7 "GET_ALL_PULSE_FOR_PATH_RESPONSE",
        GetAllNodesForPath = 8 "GET_ALL_NODES_FOR_PATH",
        GetAllNodesForPathResponse = 9 "GET_ALL_NODES_FOR_PATH_RESPONSE",
        GetPulse = 10 "GET_PULSE",
        GetPulseResponse = 11 "GET_PULSE_RESPONSE",
        DeletePath = 12 "DELETE_PATH",
        DeletePathResponse = 13 "DELETE_PATH_RESPONSE",
        DeletePulseId = 14 "DELETE_PULSE_ID",
        DeletePulseIdResponse = 15 "DELETE_PULSE_ID_RESPONSE",
        ControlMessage = 16 "CONTROL_MESSAGE",
        SaslMessageToken = 17 "SASL_MESSAGE_TOKEN",
        NotAuthorized = 18 "NOT_AUTHORIZED",
    }
}

thrift_struct! {
    Struct HBPulse {
        1 required id "id" String;
        2 default details "details" Bytes;
    }
}
thrift_default! { HBPulse { id required, details default } }

thrift_struct! {
    Struct HBRecords {
        1 default pulses "pulses" Vec<HBPulse>;
    }
}
thrift_default! { HBRecords { pulses default } }

thrift_struct! {
    Struct HBNodes {
        1 default pulse_ids "pulseIds" Vec<String>;
    }
}
thrift_default! { HBNodes { pulse_ids default } }

thrift_union! {
    HBMessageData {
        1 Path "path" String;
        2 Pulse "pulse" HBPulse;
        3 Boolval "boolval" bool;
        4 Records "records" HBRecords;
        5 Nodes "nodes" HBNodes;
        7 MessageBlob "message_blob" Bytes;
    }
}

thrift_struct! {
    Struct HBMessage {
        1 default r#type "type" HBServerMessageType;
        2 default data "data" HBMessageData;
        3 preset message_id "message_id" i32 = -1;
    }
}
thrift_default! { HBMessage { r#type default, data default, message_id preset = -1 } }
