"""The request and the answers that the page on billing activation shows, as they stand there."""

#: What the page asks with; a device is known by `mac` or by `serial_number`.
EXAMPLE_REQUEST = {
    "login": "user-login",
    "name": "name",
    "type": "mediaagent",
    "mac": "fake_mac_5",
    "serial_number": "sn",
    "skip_reserve_check": False,
}

#: The id in the page's answer.
EXAMPLE_ID = 25

#: The page's answer to it, byte for byte.
EXAMPLE_ANSWER = b"""{
    "id": 25,
    "serial_number": "sn",
    "type": "mediabridge",
    "mac": "mac",
    "name": "test",
    "version": "1.1.1.1",
    "created_at": "2000-00-00T00:00:00.000000Z",
    "last_updated_at": null,
    "is_online": true,
    "user": {
        "id": 6,
        "login": "user@mail.com",
        "name": "user",
        "type": "special",
        "status": "active",
        "created_at": "2000-00-00T00:00:00.000000Z",
        "updated_at": "2000-00-00T00:00:00.000000Z",
        "deleted_at": null,
        "can_update_password": true,
        "billing_properties": []
    },
    "storages": [
        {
            "id": 39,
            "path": "/storage1",
            "usage": 73.723,
            "capacity": 137
        }
    ],
    "cameras_count": 0
}"""

#: The page's refusal, byte for byte.
EXAMPLE_REFUSAL = """{
    "message": "Тут не будет информативного сообщения",
    "errors": {
        "any_key": [
            "Тут будет описана причина ошибки"
        ]
    }
}""".encode()

#: What stands in `message` whatever happened: nothing that helps.
EMPTY_MESSAGE = "Тут не будет информативного сообщения"
