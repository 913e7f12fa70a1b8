from datetime import timedelta

from tests.store.stock import Stock, add, connect


async def test_a_contact_centre_connected_again_keeps_its_door_and_its_beginning(stock: Stock) -> None:
    await add(stock, "10")
    await connect(stock)
    (first,) = await stock.installations.centres("1")
    stock.clock.move_to(timedelta(days=1))
    again = await stock.installations.connect_centre(
        "1", vendor="thulium", system="demo", user="api2", password="another-password"
    )
    assert (again.hook_path, again.connected_at) == (first.hook_path, first.connected_at)
    assert (again.user, again.password) == ("api2", "another-password")
    for word in (b"centre-password", b"another-password", first.hook_password.encode()):
        assert word not in stock.words()
