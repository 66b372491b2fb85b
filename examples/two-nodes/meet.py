"""Nodes that meet at rank 0, as a training's processes do: the others send it their rank, and it answers with the sum."""
import os
import socket
import time

RANK, SIZE = int(os.environ["NODE_RANK"]), int(os.environ["INITIAL_CLUSTER_SIZE"])
MEETING = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))

if RANK == 0:
    with socket.create_server(MEETING) as server:
        guests = [server.accept()[0] for _ in range(SIZE - 1)]
        total = sum(int(guest.recv(16)) for guest in guests)
        for guest in guests:
            guest.sendall(b"%d" % total)
else:
    for attempt in range(600):
        try:
            host = socket.create_connection(MEETING)
            break
        except OSError:
            time.sleep(0.1)
    host.sendall(b"%d" % RANK)
    total = int(host.recv(16))
print("rank %d of %d: the sum of all ranks is %d" % (RANK, SIZE, total))
